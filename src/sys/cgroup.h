// Cgroups of version 2, for membership: who belongs to a process tree, whether anybody is left, and the end of
// all at once. No controller is needed for that.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "sys/fd.h"

namespace cattino::sys {

/// The directory of this process's own cgroup in the hierarchy of version 1 that has this controller; "" is
/// the hierarchy of version 2. Empty where no file system shows it.
std::string own_cgroup(std::string_view controller = "");

/// The same from the texts of /proc/self/cgroup and /proc/self/mountinfo.
std::string cgroup_directory(
    const std::string& cgroups, const std::string& mounts, std::string_view controller = "");

/// A cgroup held open. It stays what it is when its directory is removed.
class Cgroup {
 public:
  /// Makes the directory first if `make`. Nothing, and errno, if that fails.
  static std::optional<Cgroup> open(const std::string& path, bool make);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// For SpawnRequest::cgroup.
  [[nodiscard]] int fd() const { return directory_.get(); }
  /// Reports EPOLLPRI when it may have become empty, or populated, since `populated` was last called.
  [[nodiscard]] int events_fd() const { return events_.get(); }

  /// True while it, or one below it, has a process that has not ended.
  [[nodiscard]] bool populated() const;
  /// The living processes in it and below, as far as this pid namespace sees them.
  [[nodiscard]] std::vector<pid_t> members() const;
  /// Without those below.
  [[nodiscard]] std::vector<pid_t> own_members() const;
  /// Moves a process in. False if that is not allowed, or there is no such process.
  [[nodiscard]] bool enter(pid_t pid) const;
  /// SIGKILL to all, also to those that are being forked. False on kernels before 5.14.
  [[nodiscard]] bool kill() const;
  /// Keeps all from running, but not from being killed; or lets them go on.
  void freeze(bool frozen) const;

 private:
  Cgroup(std::string path, Fd directory, Fd events);

  std::string path_;
  Fd directory_;
  Fd events_;
};

/// Moves the calling process into the cgroup at `path`.
bool enter_cgroup(const std::string& path);

/// Removes a cgroup and those below it that nobody is in; waits up to `patience_ms` for processes that are ending.
bool remove_cgroup(const std::string& path, int patience_ms = 0);

}  // namespace cattino::sys
