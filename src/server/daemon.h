// The daemon: puts the rooms together, serves until it is time to leave, and says how to go on.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "settings/settings.h"

namespace cattino::server {

/// What the guardian does when the daemon has ended.
enum ExitStatus : int {
  leave_all = 0,    ///< nothing is left to do: supervisor and guardian leave too
  failed = 1,       ///< it could not start: the reason is on stderr and in the log
  keep_tasks = 10,  ///< tasks run on; the next command starts a daemon again
};

struct Options {
  std::string state;
  std::string home;    ///< of the logs; absent, as the rest: where `meow` looks
  int socket_fd = -1;  ///< a listening socket that was inherited, or
  std::string socket;  ///< the path to listen on, and what hosts are told
  std::string supervisor_socket;
  std::string settings;
  std::int64_t guardian_pid = 0;
  std::int64_t supervisor_pid = 0;
};

/// Runs the daemon to its end; returns its exit status. An error is one that kept it from serving.
Result<int> run_daemon(const Options& options, const settings::Environment& environment);

}  // namespace cattino::server
