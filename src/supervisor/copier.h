// The program `meow-supervisor --copy-logs LIMIT`: what a task with a log limit writes goes through it into
// the logs, up to the limit; the rest is read and thrown away, so that the task goes on.
//
// It is a process of its own: a supervisor or a daemon that dies takes no task's stdout along. It is not
// part of the task's tree, and ends when the last one who could write has gone.
#pragma once

#include <array>
#include <cstdint>

namespace cattino::supervisor {

/// Where it finds the end of a pipe and the log that belongs to it. The second pair may be missing.
struct CopierFds {
  int from = -1;
  int to = -1;
};
constexpr std::array<CopierFds, 2> copier_fds{CopierFds{3, 4}, CopierFds{5, 6}};

/// The whole program. `limit`: bytes that each log takes. An exit status.
int copy_logs(std::uint64_t limit);

/// The same for a starter who must not have a child: returns at once and leaves one that its subreaper gets.
int copy_logs_apart(std::uint64_t limit);

}  // namespace cattino::supervisor
