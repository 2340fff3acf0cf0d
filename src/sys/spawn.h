// Starting processes from a small process, fast and exactly.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/exit_status.h"
#include "sys/fd.h"
#include "sys/processes.h"

namespace cattino::sys {

struct ResourceLimit {
  int resource = 0;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

/// A descriptor that the child gets under a number of its own.
struct PassedFd {
  int fd = -1;
  int as = -1;  ///< 3 or more
};

/// What the child is to be. Pointers are borrowed for the time of the call.
struct SpawnRequest {
  const char* executable = nullptr;    ///< a path; relative ones count from `directory`
  char* const* argv = nullptr;         ///< ends with a null pointer
  char* const* environment = nullptr;  ///< ends with a null pointer
  const char* directory = nullptr;     ///< null: ours
  int stdout_fd = -1;                  ///< -1: ours
  int stderr_fd = -1;
  unsigned umask = 022;
  std::span<const ResourceLimit> limits;  ///< above our hard limits: as much as we may give
  std::span<const PassedFd> passed;       ///< 4 at most
  Tag tag;                                ///< key 0: ours
  int cgroup = -1;                        ///< directory of the one it is born in; -1: ours
  std::span<const Fd> doors;  ///< cgroup.procs of further ones (of version 1) that it enters
  int death_signal = 0;       ///< sent to it when the calling thread ends
  std::uint64_t blocked_signals = 0;       ///< bit n - 1: signal n is blocked from the first moment
  std::atomic<pid_t>* pid_seen = nullptr;  ///< gets the pid while the child is on its way to exec
};

/// A process with its pidfd; or the stage that failed, and no process.
struct Spawned {
  pid_t pid = 0;
  Fd pidfd;
  bool in_cgroup =
      false;  ///< it is in the cgroup asked for; where that failed, it started all the same
  bool through_doors = false;  ///< likewise: it has entered all of the further ones
  StartStage failed_stage = StartStage::none;
  int error_number = 0;

  [[nodiscard]] bool ok() const { return failed_stage == StartStage::none; }
};

/// Starts processes as leaders of sessions of their own, with stdin from /dev/null, default signals, and
/// no descriptor that was not passed (everything of ours is close-on-exec). The calling thread stands
/// still until the child's exec. Each thread has its own Spawner.
class Spawner {
 public:
  Spawner();
  Spawned spawn(const SpawnRequest& request);

  /// For tests: spawns as on kernels without clone3.
  void use_fallback() { clone3_works_ = false; }

 private:
  Fd null_;
  std::vector<int> ignored_signals_;
  std::vector<int> handled_signals_;
  bool clone3_works_ = true;
  bool clone_into_works_ = true;
};

/// Marks every descriptor from 3 up as close-on-exec: what we inherited is not for our children. At the
/// start of a program, before there are threads.
void close_all_on_exec();

/// Finds `name` as a shell would: in `path` (the value of PATH, null: a default), whose relative parts
/// and relative names count from `directory`. Empty, and an errno, if there is none.
std::string find_executable(
    const std::string& name, const char* path, const std::string& directory, int& error_number);

}  // namespace cattino::sys
