// What the core wants, done: processes started and stopped through the supervisor, hooks and functions
// through the Python hosts. Called after the commit that stored the wish; a repeat does no harm.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/event.h"
#include "engine/calls.h"
#include "engine/feed.h"
#include "engine/launch.h"
#include "engine/ports.h"
#include "engine/turn.h"
#include "engine/world.h"
#include "host/hosts.h"

namespace cattino::engine {

class Effects {
 public:
  Effects(World& world, Turn& turn, Feed& feed);

  void act(const core::Action& action);

  /// The supervisor's connection is new: it knows no environment.
  void forget_environments() { defined_.clear(); }

  /// The process of the attempt is known: its run call, if it was one, is answered.
  void process_known(const Running& running);
  /// The process tree of the attempt is gone.
  void process_gone(Running& running);

  host::Hosts& hosts() { return hosts_; }
  void host_started(HostKey key);
  void host_exited(HostKey key, const ExitStatus& status);

  /// We are about to leave: all hooks that run are to end soon.
  void hurry_hooks();
  /// Stops Python hosts that do not leave by themselves.
  void stop_hosts();

  /// Appends a line of ours to the stderr.log of a task's attempt, or of a group.
  void note(core::Node node, std::uint32_t attempt, const std::string& text);

 private:
  host::Handlers host_handlers();
  void start(AttemptId attempt);
  void start_function(const Launch& launch, Running& running);
  void refuse(AttemptId attempt, const Error& error);
  void stop(AttemptId attempt) const;
  void run_hook(const core::RunHook& hook);
  void hurry_hook(AttemptId attempt);
  void run_task_hook(const core::RunHook& hook);
  void run_group_hook(const core::RunHook& hook);
  void submission_ended(SubmissionId submission);

  void start_host(HostKey key);
  std::string introduction(SubmissionId submission);
  void hook_done(const std::string& call, bool ok, const std::string& error);
  void run_failed(const std::string& call, const std::string& error);
  void gave_up(const std::string& call, const std::string& why);
  void printed(const std::string& call, const std::string& text);
  void objects_lost(SubmissionId id);
  void call_hook(SubmissionId submission, host::HookCall& call, const core::RunHook& hook);
  void watch_hosts(Time due);

  /// Makes sure that the supervisor knows an environment.
  Result<EnvironmentFacts> environment(std::uint64_t id);

  World& world_;
  Turn& turn_;
  Feed& feed_;
  host::Hosts hosts_;
  sys::Timer hang_timer_;  ///< of hosts that hang
  Time hang_due_;          ///< when it fires; 0: not armed
  bool hurries_ = false;   ///< we are about to leave, with all tasks: hooks get the grace
  Ports ports_;
  std::vector<std::string> shell_;
  std::unordered_map<std::uint64_t, EnvironmentFacts> facts_;
  std::unordered_set<std::uint64_t> defined_;            ///< on this connection
  std::unordered_map<SubmissionId, HostKey> host_keys_;  ///< hosts that live
};

}  // namespace cattino::engine
