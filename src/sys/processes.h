// Processes seen from outside: pidfds, exits, and what /proc tells about a pid.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/exit_status.h"
#include "sys/fd.h"

namespace cattino::sys {

/// A descriptor that names one process for ever and is readable once it has ended. Empty if there is no
/// such process; a thread that is no process has none.
Fd open_pidfd(pid_t pid);

/// True if the signal was sent: the process has not been reaped.
bool signal_process(int pidfd, int signal);

/// How a process ended and what it used, with its children that it waited for.
struct ProcessExit {
  pid_t pid = 0;
  ExitStatus status;
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  std::int64_t max_rss_kib = 0;
};

/// The exit of a child, which stays a zombie. Nothing if it has not ended or is not our child.
std::optional<ProcessExit> peek_exit(int pidfd);

/// An ended child of the calling thread, which stays a zombie: a subreaper's main thread, which forks
/// nothing itself, sees orphans alone. With `any_thread`, of the whole process.
std::optional<ProcessExit> peek_any_exit(bool any_thread);

/// Ends the zombie. False if it is not ours, or has not ended.
bool reap(int pidfd);
bool reap_pid(pid_t pid);

/// The exit of a process that somebody else reaped, where the kernel (6.15) tells.
std::optional<ExitStatus> exit_seen_from_outside(int pidfd);

/// The mark that every process of an attempt carries through fork, exec, setsid and `env -i`: its
/// RLIMIT_LOCKS, which Linux ignores. The soft limit is the key, the hard limit tells supervisors apart.
struct Tag {
  std::uint64_t key = 0;
  std::uint64_t space = 0;

  friend bool operator==(const Tag&, const Tag&) = default;
};

/// Of zombies too. Nothing if there is no such process.
std::optional<Tag> tag_of(pid_t pid);

/// The tag of the calling process.
Tag own_tag();

/// Sets it; false if the hard limit would have to rise.
bool set_own_tag(const Tag& tag);

struct ProcessStat {
  char state = '?';
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t start_ticks = 0;  ///< since boot, in clock ticks
  int exit_code = 0;              ///< of a zombie of our own user, as wait() tells it

  [[nodiscard]] bool ended() const { return state == 'Z' || state == 'X'; }
};

std::optional<ProcessStat> stat_of(pid_t pid);

/// What wait() tells, as a status.
ExitStatus status_of_wait(int wait_status);

/// The arguments it was started with.
std::vector<std::string> command_line_of(pid_t pid);

/// All processes that /proc shows, in its order.
std::vector<pid_t> all_pids();

/// Reads the pid that was handed out last in this pid namespace, from a /proc/loadavg kept open.
std::optional<pid_t> last_pid(int loadavg);

}  // namespace cattino::sys
