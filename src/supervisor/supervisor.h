// The supervisor: parent of every task. One thread owns everything here and sleeps in one epoll; the
// launching threads only launch. It outlives the daemon, makes no system call while nothing happens,
// and never ends while anything runs.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "supervisor/attempt.h"
#include "supervisor/cgroups.h"
#include "supervisor/connection.h"
#include "supervisor/enforcer.h"
#include "supervisor/journal.h"
#include "supervisor/launcher.h"
#include "supervisor/messages.h"
#include "supervisor/tree.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "sys/poller.h"
#include "sys/processes.h"

namespace cattino::supervisor {

struct SupervisorOptions {
  std::string state_directory;
  std::uint64_t epoch = 0;  ///< the guardian's life
  int listener = -1;        ///< listening socket
  int orphans = -1;         ///< pipe on which the guardian reports what it reaped; -1: none
  CgroupUse cgroups = CgroupUse::automatic;
};

/// A turn: what epoll reported is taken in; then `end_turn` writes the journal, and only then launches,
/// reaps and answers.
class Supervisor {
 public:
  explicit Supervisor(SupervisorOptions options);

  /// Takes over what an earlier supervisor left.
  Status recover();

  /// Until it may leave.
  void run();

 private:
  struct Watched {
    std::uint64_t key = 0;
    pid_t pid = 0;
    sys::Fd pidfd;  ///< none: the cgroup is watched, for it is empty when the tree is gone
    bool in_front = false;
  };
  struct Copier {
    std::uint64_t key = 0;
    sys::Fd pidfd;
  };

  // supervisor.cc: the loop and what comes in
  void take_event(std::uint64_t token);
  void take_signals();
  void accept_connections();
  void serve(std::uint64_t id);
  void take_message(std::uint64_t id, ToSupervisor& message);
  void drop(std::uint64_t id);
  void take_results();
  void launch_again(Attempt& attempt, LaunchJob& job);
  void hear_of_starts(bool at_once);
  void end_turn();
  void launch_all();
  void tell_of_noted();
  void reap_all();
  void flush_connections();
  [[nodiscard]] int timeout_ms() const;
  [[nodiscard]] bool may_leave() const;
  /// To the daemon, if there is one. What is no news to act on may be `patient`: it leaves with what is, or
  /// after a moment.
  void tell(const FromSupervisor& message, bool patient = false);
  void tell_state(const Attempt& attempt);
  [[nodiscard]] bool must_wait(std::uint64_t connection) const;

  // messages.cc: what each message does
  void on(std::uint64_t id, const Hello& hello);
  void on(std::uint64_t id, DefineEnvironment& definition);
  void on(std::uint64_t id, Spawn& spawn);
  void on(std::uint64_t id, const Stop& message);
  void on(std::uint64_t id, const Acknowledge& acknowledge);
  void on(std::uint64_t id, const Leave& leave);
  void on(std::uint64_t id, const Adopt& adopt);
  void on(std::uint64_t id, const ChildExited& child);
  void on(std::uint64_t id, const Recall& recall);
  void stop(Attempt& attempt, const Stop& message);

  // line.cc: starts held behind others
  bool hold(Attempt& attempt, std::uint64_t after);
  void let_next_go(Attempt& attempt);
  void launch(std::shared_ptr<LaunchJob> job);
  [[nodiscard]] bool has_long_line(const Attempt& attempt) const;
  [[nodiscard]] std::string directory_of_next(const Attempt& attempt) const;

  // endings.cc: from the end of a process to the end of its tree
  void take_pidfd(Attempt& attempt);
  void take_orphans();
  void take_guardian_reports();
  void end_leader(Attempt& attempt, const sys::ProcessExit& ended);
  static void note_memory(Attempt& attempt);
  void settle_unknown_end(Attempt& attempt);
  void end_without_process(Attempt& attempt, ExitStatus status);
  void begin_stop(Attempt& attempt);
  void signal_shells();
  void run_due();
  void set_due(Attempt& attempt, Duration due);
  void look_later(Attempt& attempt);
  /// What is to be done about trees that may be gone, and cannot be told of one alone.
  struct Checks {
    std::vector<Wanted> wanted;
    std::vector<std::uint64_t> undecided;
    FoundByKey to_kill;
    bool at_once = false;
  };
  void check_tree(Attempt& attempt, Duration now, Checks& checks);
  void check_trees();
  enum class Alone : std::uint8_t { surely, unknown, undecided };
  [[nodiscard]] Alone alone(Attempt& attempt, Duration now) const;
  void scan(const std::vector<Wanted>& wanted);
  void settle(Attempt& attempt, std::vector<Found>& found, bool gone, FoundByKey& to_kill);
  void terminate(Attempt& attempt, std::vector<Found>& found, FoundByKey& to_kill);
  void kill_all(FoundByKey to_kill);
  void stop_all(FoundByKey& to_kill, const std::vector<std::uint64_t>& keys);
  void watch(Attempt& attempt, std::vector<Found>& found, bool in_front);
  void take_watch(std::uint64_t id);
  void unwatch_all(Attempt& attempt);
  void say_left_over(const Attempt& attempt, std::size_t count);
  void finish(Attempt& attempt);

  // members.cc: attempts that have a cgroup
  void give_slot(LaunchJob& job);
  void note_place(Attempt& attempt, const sys::Spawned& spawned);
  void give_slot_to_child(Attempt& attempt, const Bounds& bounds);
  void take_slot_back(Attempt& attempt, bool clean);
  void look_into(Attempt& attempt, FoundByKey& to_kill);
  void watch_slot(Attempt& attempt);
  void unwatch(const Watched& watched);
  std::vector<std::uint64_t> kill_in_one_step(const FoundByKey& to_kill);
  FoundByKey find_again(const std::vector<std::uint64_t>& keys);
  // copiers.cc: logs with a limit
  void note_copier(std::uint64_t key, sys::Fd pidfd);
  void take_copier(std::uint64_t id);
  [[nodiscard]] bool awaits_output(Attempt& attempt);

  // recovery.cc
  void recover_one(std::uint64_t key, const Past& past, std::vector<Found> found, bool same_life);
  void recover_running(Attempt& attempt, Found leader);
  struct Peeked {
    std::size_t bytes = 0;  ///< to be dropped when what they say is in the journal
    bool open = false;
  };
  Peeked peek_reports(std::vector<Exited>& into);
  void drop_reports(std::size_t bytes) const;
  void take_reports(Journal& journal);
  FoundByKey await_settled(Journal& journal);
  void inherit_cgroups(const Journal& journal);
  FoundByKey find_past(const Journal& journal);
  void compact_if_worth();
  [[nodiscard]] Journal snapshot() const;

  Attempt* find(std::uint64_t key);
  Attempt& add(std::uint64_t key);

  SupervisorOptions options_;
  std::string boot_id_;
  std::string journal_path_;
  sys::Clock clock_;
  sys::Poller poller_;
  sys::Fd signals_;
  sys::Fd
      spare_;  ///< given up for a moment to refuse a connection when there are no more descriptors
  std::uint64_t tag_space_ = 0;

  JournalWriter journal_;
  CgroupPool pool_;
  Enforcer enforcer_;
  std::unordered_map<std::uint64_t, std::unique_ptr<CgroupSlot>> past_slots_;  ///< while we recover
  Launcher launcher_;
  PidLedger ledger_;

  std::unordered_map<std::uint64_t, Attempt> attempts_;
  std::unordered_map<pid_t, std::uint64_t> key_of_pid_;  ///< of own processes that were not reaped
  std::size_t active_ = 0;                               ///< attempts that have not exited

  std::unordered_map<std::uint64_t, Connection> connections_;
  std::uint64_t last_connection_ = 0;
  std::uint64_t daemon_ = 0;  ///< its connection; 0: none
  std::unordered_map<std::uint64_t, Watched> watches_;
  std::uint64_t last_watch_ = 0;
  std::unordered_map<std::uint64_t, Copier> copiers_;
  std::uint64_t last_copier_ = 0;

  Duration
      news_due_;  ///< all that is unsent to the daemon may wait until then; 0: some may not, or none is

  std::set<std::pair<Duration, std::uint64_t>> due_;
  std::vector<std::uint64_t> unchecked_;  ///< ended, or less than it was: is the tree gone?
  std::vector<std::uint64_t> shells_;     ///< to be stopped through their commands
  Duration next_scan_;                    ///< no earlier than this …
  Duration wake_at_;  ///< when to look at `unchecked_` again; 0: after the next event

  // Effects of the present turn, held back until the journal is written.
  std::vector<std::shared_ptr<LaunchJob>> to_launch_;
  std::vector<sys::Fd> to_reap_;
  std::vector<std::uint64_t> unnoted_;  ///< adopted; their starts are told

  std::unique_ptr<sys::Worker> notes_;  ///< writes lines into logs, which may block
  sys::Fd copy_in_;  ///< a pipe into which what the guardian said is copied, to look at it
  sys::Fd copy_out_;
  std::vector<LaunchResult> results_;
  bool hears_of_starts_ = false;
  Duration
      starts_due_;  ///< starts are to be heard of from then on; 0: they are already, or none is due
  bool leaving_ = false;
  bool complete_ = false;                                 ///< the journal of this boot was there
  std::vector<std::shared_ptr<LaunchJob>> without_room_;  ///< no room for their logs
  Duration room_due_;          ///< when to try those again; 0: there are none
  Duration journal_due_;       ///< when to try again to write the journal; 0: all is written
  bool orphans_left_ = false;  ///< zombies that wait for that
  bool reports_left_ = false;  ///< the guardian's that do; they are not listened for meanwhile
};

/// Held by a supervisor as long as it lives; holds its pid.
inline std::string supervisor_lock(const std::string& state_directory) {
  return state_directory + "/supervisor.lock";
}

/// Exit status of a guardian or supervisor that finds another one alive.
constexpr int exit_locked = 75;

/// The whole program of role supervisor: blocks signals, recovers, runs. An exit status.
int supervise(SupervisorOptions options);

}  // namespace cattino::supervisor
