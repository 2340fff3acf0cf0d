// The guardian: holds the lock and the listening sockets, starts the supervisor and the daemon again when
// they die, and collects what a dead supervisor leaves. It makes no system call while nothing happens.
//
// How it takes the end of the daemon: exit status 0 means "leave, all of us"; 10 means "the next client
// starts another one"; anything else is a crash, and it is started again at once, unless it crashed
// five times within ten seconds: then the clients that wait are sent away, `crash.txt` says why, and the
// next client is another chance.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/exit_status.h"
#include "base/result.h"
#include "base/time.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/poller.h"
#include "sys/processes.h"
#include "sys/spawn.h"

namespace cattino::supervisor {

struct GuardianOptions {
  std::string state_directory;
  std::string daemon_path;
  std::vector<std::string> daemon_arguments;  ///< added to those every daemon gets
  std::string socket;                         ///< empty: meow.sock in the state directory
  std::string supervisor_socket;              ///< empty: supervisor.sock in the state directory
  bool foreground = false;
  int ready_fd = -1;  ///< gets one byte when both sockets listen
};

class Guardian {
 public:
  explicit Guardian(GuardianOptions options);

  /// Lock, tag, sockets, pipe. Code `conflict` if another guardian lives here.
  Status prepare();

  /// Starts the others and looks after them until all leave.
  void run();

  [[nodiscard]] const std::string& socket_path() const { return options_.socket; }

 private:
  void take_event(std::uint64_t event_token);
  void take_signals();
  void begin_leaving();
  void take_children();
  bool report(const sys::ProcessExit& ended);
  void start_supervisor();
  void supervisor_ended(const ExitStatus& status);
  void foreign_supervisor_ended();
  void start_daemon();
  void daemon_ended(const ExitStatus& status);
  void give_up(const std::string& why);
  void await_client(bool wanted);
  void await_supervisor_client(bool wanted);
  [[nodiscard]] bool crashed_too_often(std::deque<Duration>& deaths) const;
  [[nodiscard]] std::vector<std::string> daemon_environment() const;
  Status find_living_supervisor();
  Status listen_for_supervisor();
  void leave_together();
  [[nodiscard]] bool all_gone() const;

  GuardianOptions options_;
  sys::Clock clock_;
  sys::Spawner spawner_;
  sys::Poller poller_;
  sys::Fd lock_;
  sys::Fd signals_;
  sys::Fd listener_;
  sys::Fd supervisor_listener_;
  sys::Fd
      orphans_read_;  ///< kept, so that what a dying supervisor did not read is there for the next
  sys::Fd orphans_write_;
  std::uint64_t epoch_ = 0;

  sys::Spawned daemon_;
  sys::Spawned supervisor_;
  bool supervisor_is_foreign_ = false;  ///< it outlived another guardian: not our child
  bool daemon_runs_ = false;
  bool supervisor_runs_ = false;
  bool awaits_client_ = false;
  bool awaits_supervisor_client_ = false;
  bool awaits_room_ = false;  ///< the pipe is full: zombies wait
  bool leaving_ = false;
  int retry_ms_ = -1;  ///< until the supervisor is tried again; -1: not waiting
  std::deque<Duration> daemon_deaths_;
  std::deque<Duration> supervisor_deaths_;
};

/// The whole program of role guardian. An exit status.
int guard(GuardianOptions options);

}  // namespace cattino::supervisor
