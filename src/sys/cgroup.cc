// The files of a cgroup2 directory.
#include "sys/cgroup.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/files.h"

namespace cattino::sys {
namespace {

/// A task may make cgroups below its own; nobody makes more levels than this.
constexpr int depth_max = 32;

/// Takes the text up to `separator` off the front of `text`.
std::string_view next_part(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

/// mountinfo writes a space as \040, and so on.
std::string unescaped(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    int code = 0;
    const bool escape =
        text.size() >= 4 && text.front() == '\\' &&
        std::from_chars(text.data() + 1, text.data() + 4, code, 8).ptr == text.data() + 4;
    plain += escape ? static_cast<char>(code) : text.front();
    text.remove_prefix(escape ? 4 : 1);
  }
  return plain;
}

bool is_in_list(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    if (next_part(list, ',') == word) {
      return true;
    }
  }
  return false;
}

/// Is this line of mountinfo of the hierarchy that has the controller?
bool is_mount_of(std::string_view mount, std::string_view controller) {
  if (controller.empty()) {
    return mount.find(" - cgroup2 ") != std::string_view::npos;
  }
  return mount.find(" - cgroup ") != std::string_view::npos &&
         is_in_list(mount.substr(mount.rfind(' ') + 1), controller);
}

/// Where one line of mountinfo shows the cgroup `path`; empty if it does not.
std::string shown_by(std::string_view mount, std::string_view path, std::string_view controller) {
  if (!is_mount_of(mount, controller)) {
    return {};
  }
  constexpr int fields_before_root = 3;
  for (int skipped = 0; skipped < fields_before_root; ++skipped) {
    next_part(mount, ' ');
  }
  std::string root = unescaped(next_part(mount, ' '));
  const std::string point = unescaped(next_part(mount, ' '));
  if (root == "/") {
    root.clear();
  }
  if (!path.starts_with(root) || (path.size() > root.size() && path[root.size()] != '/')) {
    return {};
  }
  path.remove_prefix(root.size());
  return path == "/" ? point : point + std::string{path};
}

Fd open_below(int directory, const char* name, int flags) {
  return Fd{::openat(directory, name, flags | O_CLOEXEC)};
}

bool write_to(int directory, const char* name, std::string_view text) {
  const Fd file = open_below(directory, name, O_WRONLY);
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// The names of the cgroups below. The kernel counts them in the directory's links: mostly there is none.
std::vector<std::string> names_below(int directory) {
  std::vector<std::string> names;
  struct stat info {};
  if (::fstat(directory, &info) != 0 || info.st_nlink <= 2) {
    return names;
  }
  DIR* list = ::fdopendir(open_below(directory, ".", O_RDONLY | O_DIRECTORY).release());
  if (list == nullptr) {
    return names;
  }
  // A DIR of our own is read by this thread alone.
  while (const dirent* entry = ::readdir(list)) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name{static_cast<const char*>(entry->d_name)};
    if (entry->d_type == DT_DIR && name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
  ::closedir(list);
  return names;
}

void add_own_members(int directory, std::vector<pid_t>& members) {
  std::string text;
  const Fd file = open_below(directory, "cgroup.procs", O_RDONLY);
  std::array<char, 4096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read fills it
  ssize_t got = 0;
  while (file && (got = ::read(file.get(), buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  for (std::string_view rest{text}; !rest.empty();) {
    const std::string_view line = next_part(rest, '\n');
    pid_t pid = 0;
    std::from_chars(line.data(), line.data() + line.size(), pid);
    if (pid > 0) {  // 0: of another pid namespace
      members.push_back(pid);
    }
  }
}

void add_members(int directory, int depth, std::vector<pid_t>& members) {
  add_own_members(directory, members);
  if (depth == depth_max) {
    return;
  }
  for (const std::string& name : names_below(directory)) {
    if (const Fd below = open_below(directory, name.c_str(), O_RDONLY | O_DIRECTORY)) {
      add_members(below.get(), depth + 1, members);
    }
  }
}

bool in_use(const std::string& path) {
  const std::optional<Cgroup> group = Cgroup::open(path, false);
  return group && group->populated();
}

/// What is in use keeps all that is below it, too.
void remove_below(const std::string& path, int depth) {
  const Fd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory || depth == depth_max) {
    return;
  }
  for (const std::string& name : names_below(directory.get())) {
    std::string below = path;
    below.append("/").append(name);
    if (::rmdir(below.c_str()) != 0 && !in_use(below)) {
      remove_below(below, depth + 1);
      ::rmdir(below.c_str());
    }
  }
}

void await_empty(const std::string& path, int patience_ms) {
  const std::optional<Cgroup> group = Cgroup::open(path, false);
  if (group && group->populated()) {
    pollfd wait{group->events_fd(), POLLPRI, 0};
    ::poll(&wait, 1, patience_ms);
  }
}

}  // namespace

std::string cgroup_directory(
    const std::string& cgroups, const std::string& mounts, std::string_view controller) {
  std::string_view path;
  for (std::string_view rest{cgroups}; !rest.empty();) {
    std::string_view line = next_part(rest, '\n');
    const std::string_view number = next_part(line, ':');
    const std::string_view controllers = next_part(line, ':');
    if (controller.empty() ? number == "0" : is_in_list(controllers, controller)) {
      path = line;
    }
  }
  for (std::string_view rest{mounts}; !path.empty() && !rest.empty();) {
    std::string shown = shown_by(next_part(rest, '\n'), path, controller);
    if (!shown.empty()) {
      return shown;
    }
  }
  return {};
}

std::string own_cgroup(std::string_view controller) {
  const Result<std::string> cgroups = read_file("/proc/self/cgroup");
  const Result<std::string> mounts = read_file("/proc/self/mountinfo");
  return cgroups && mounts ? cgroup_directory(*cgroups, *mounts, controller) : std::string{};
}

Cgroup::Cgroup(std::string path, Fd directory, Fd events)
    : path_{std::move(path)}, directory_{std::move(directory)}, events_{std::move(events)} {}

std::optional<Cgroup> Cgroup::open(const std::string& path, bool make) {
  if (make && ::mkdir(path.c_str(), 0755) != 0) {
    return std::nullopt;
  }
  Fd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  Fd events = directory ? open_below(directory.get(), "cgroup.events", O_RDONLY) : Fd{};
  if (events) {
    return Cgroup{path, std::move(directory), std::move(events)};
  }
  if (make) {
    const int error = errno;
    ::rmdir(path.c_str());
    errno = error;
  }
  return std::nullopt;
}

bool Cgroup::populated() const {
  std::array<char, 128> buffer{};
  const ssize_t got = ::pread(events_.get(), buffer.data(), buffer.size(), 0);
  // Removed by somebody else (an error): then it was empty.
  const std::string_view text{buffer.data(), static_cast<std::size_t>(got < 0 ? 0 : got)};
  return text.find("populated 1") != std::string_view::npos;
}

std::vector<pid_t> Cgroup::members() const {
  std::vector<pid_t> members;
  add_members(directory_.get(), 0, members);
  return members;
}

std::vector<pid_t> Cgroup::own_members() const {
  std::vector<pid_t> members;
  add_own_members(directory_.get(), members);
  return members;
}

bool Cgroup::enter(pid_t pid) const {
  return write_to(directory_.get(), "cgroup.procs", fmt::format("{}", pid));
}

bool Cgroup::kill() const {
  return write_to(directory_.get(), "cgroup.kill", "1");
}

void Cgroup::freeze(bool frozen) const {
  write_to(directory_.get(), "cgroup.freeze", frozen ? "1" : "0");
}

bool enter_cgroup(const std::string& path) {
  const Fd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return directory && write_to(directory.get(), "cgroup.procs", "0");
}

bool remove_cgroup(const std::string& path, int patience_ms) {
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) {
    return true;
  }
  if (patience_ms > 0) {
    await_empty(path, patience_ms);
  }
  remove_below(path, 0);
  return ::rmdir(path.c_str()) == 0;
}

}  // namespace cattino::sys
