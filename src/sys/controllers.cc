// The files of controllers.
#include "sys/controllers.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/cgroup.h"
#include "sys/files.h"

namespace cattino::sys {
namespace {

constexpr std::uint64_t period_us = 100'000;
constexpr std::uint64_t quota_min_us = 1000;  // the kernel takes no less

bool write_setting(const std::string& directory, const char* name, std::string_view text) {
  const std::string path = fmt::format("{}/{}", directory, name);
  const Fd file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// The number after `word` at the beginning of a line.
std::uint64_t number_after(std::string_view text, std::string_view word) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(word)) {
      line.remove_prefix(word.size());
      std::uint64_t number = 0;
      std::from_chars(line.data(), line.data() + line.size(), number);
      return number;
    }
  }
  return 0;
}

}  // namespace

bool limit_memory(const std::string& directory, CgroupVersion version, std::uint64_t bytes) {
  const std::string amount = std::to_string(bytes);
  if (version == CgroupVersion::one) {
    // The sum of both is never below the first. Swap is not counted everywhere.
    const bool limited = write_setting(directory, "memory.limit_in_bytes", amount);
    write_setting(directory, "memory.memsw.limit_in_bytes", amount);
    return limited;
  }
  write_setting(directory, "memory.swap.max", "0");
  write_setting(directory, "memory.oom.group", "1");
  return write_setting(directory, "memory.max", amount);
}

bool limit_cpu(const std::string& directory, CgroupVersion version, std::uint64_t millicores) {
  const std::uint64_t quota = std::max(quota_min_us, millicores * period_us / 1000);
  if (version == CgroupVersion::one) {
    return write_setting(directory, "cpu.cfs_period_us", std::to_string(period_us)) &&
           write_setting(directory, "cpu.cfs_quota_us", std::to_string(quota));
  }
  return write_setting(directory, "cpu.max", fmt::format("{} {}", quota, period_us));
}

bool hand_down(const std::string& directory, const std::string& controller) {
  return write_setting(directory, "cgroup.subtree_control", "+" + controller);
}

bool move_all(const std::string& from, const std::string& to) {
  ::mkdir(to.c_str(), 0755);
  const std::optional<Cgroup> source = Cgroup::open(from, false);
  const std::optional<Cgroup> target = Cgroup::open(to, false);
  if (!source || !target) {
    return false;
  }
  bool moved = true;
  for (const pid_t pid : source->own_members()) {
    moved = (target->enter(pid) || errno == ESRCH) && moved;
  }
  return moved;
}

std::uint64_t oom_kills(const std::string& directory, CgroupVersion version) {
  const char* const name = version == CgroupVersion::one ? "memory.oom_control" : "memory.events";
  const Result<std::string> text = read_file(fmt::format("{}/{}", directory, name));
  return text ? number_after(*text, "oom_kill ") : 0;
}

bool has_memory_limit(const std::string& directory) {
  const Result<std::string> limit = read_file(directory + "/memory.max");
  return limit && !limit->starts_with("max");
}

}  // namespace cattino::sys
