// Reads /proc and /sys.
#include "devices/machine.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <dirent.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/files.h"

namespace cattino::devices {

namespace {

constexpr std::int64_t kib_in_mib = 1024;
constexpr std::int64_t bytes_in_mib = 1024 * 1024;
constexpr std::int64_t thousand = 1000;

std::string text_of(const std::string& path) {
  Result<std::string> text = sys::read_file(path);
  if (!text) {
    return {};
  }
  while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) {
    text->pop_back();
  }
  return std::move(text).value();
}

/// The number at the front of `text`, after spaces; nothing for "max" or "".
std::optional<std::int64_t> number_in(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

/// One line of /proc/meminfo, such as "MemTotal:".
Mib meminfo(const std::string& root, std::string_view label) {
  const std::string text = text_of(root + "/proc/meminfo");
  const std::size_t at = text.find(label);
  if (at == std::string::npos) {
    return {};
  }
  const auto kib = number_in(std::string_view(text).substr(at + label.size()));
  return {kib.value_or(0) / kib_in_mib};
}

std::int64_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return CPU_COUNT(&set);
  }
  return std::max(1L, sysconf(_SC_NPROCESSORS_ONLN));  // over 1024 cores the set is too small
}

/// Lowers `machine` to the limits of our cgroup and all above it.
void apply_cgroup_limits(const std::string& root, Machine& machine) {
  const std::string text = text_of(root + "/proc/self/cgroup");
  std::size_t at = text.starts_with("0::/") ? 0 : text.find("\n0::/");
  if (at == std::string::npos) {
    return;
  }
  at = text.find('/', at);
  std::string group = text.substr(at, text.find('\n', at) - at);
  while (true) {
    const std::string folder = fmt::format("{}/sys/fs/cgroup{}/", root, group);
    if (const auto bytes = number_in(text_of(folder + "memory.max"))) {
      machine.ram = std::min(machine.ram, Mib{*bytes / bytes_in_mib});
    }
    const std::string quota = text_of(folder + "cpu.max");  // "150000 100000"
    const auto used_us = number_in(quota);
    const auto period_us =
        number_in(std::string_view(quota).substr(std::min(quota.find(' '), quota.size())));
    if (used_us && period_us && *period_us > 0) {
      machine.cpus = std::min(machine.cpus, Millicores{*used_us * thousand / *period_us});
    }
    if (group.empty() || group == "/") {
      return;
    }
    group.erase(group.rfind('/'));
  }
}

std::string link_target_name(const std::string& path) {
  std::string target(4096, '\0');
  const ssize_t length = readlink(path.c_str(), target.data(), target.size());
  if (length <= 0) {
    return {};
  }
  target.resize(static_cast<std::size_t>(length));
  return target.substr(target.rfind('/') + 1);
}

/// A display or 3D controller of NVIDIA that its own driver should serve.
bool is_ours(const std::string& folder) {
  if (text_of(folder + "/vendor") != "0x10de" || !text_of(folder + "/class").starts_with("0x03")) {
    return false;
  }
  const std::string driver = link_target_name(folder + "/driver");
  return driver != "nouveau" && driver != "vfio-pci";
}

}  // namespace

Machine look_at_machine(const std::string& root) {
  Machine machine{Millicores{usable_cores() * thousand}, meminfo(root, "MemTotal:")};
  apply_cgroup_limits(root, machine);
  return machine;
}

Mib available_ram(const std::string& root) {
  return meminfo(root, "MemAvailable:");
}

std::vector<std::string> nvidia_hardware(const std::string& root) {
  const std::string bus = root + "/sys/bus/pci/devices";
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(bus.c_str()), closedir);
  if (!folder) {
    return found;
  }
  // Only this thread reads this stream.
  while (const dirent* entry = readdir(folder.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string name = static_cast<const char*>(entry->d_name);
    if (!name.starts_with('.') && is_ours(fmt::format("{}/{}", bus, name))) {
      found.push_back(name);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool nvidia_driver_loaded(const std::string& root) {
  return access((root + "/proc/driver/nvidia").c_str(), F_OK) == 0;
}

ProcessOwner owner_of(const std::string& root, std::int64_t pid) {
  const std::string folder = fmt::format("{}/proc/{}", root, pid);
  struct stat status = {};
  if (stat(folder.c_str(), &status) != 0) {
    return {};
  }
  return {text_of(folder + "/comm"), status.st_uid == geteuid()};
}

}  // namespace cattino::devices
