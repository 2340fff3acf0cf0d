// A random world around a scheduler: work, users' wishes and faults in any order, all from one seed.
//
// It keeps what an engine would: submissions, the last stored states, effects without an answer. Now and then
// the scheduler is lost: another one is made of what was stored, and both are told the same for a while and
// must say the same.
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/dice.h"
#include "core/scheduler.h"
#include "sim/judge.h"

namespace cattino::sim {

/// Throws Broken if the two schedulers do not want the same, but for timers.
void compare(const core::Actions& actions, const core::Actions& same);

/// A policy of every kind, from the seed.
core::Policy any_policy(std::uint64_t seed);

class Story {
 public:
  /// The first scheduler is made with the policy of the seed.
  explicit Story(std::uint64_t seed) : Story(Dice(seed), any_policy(seed)) {}
  Story(Dice dice, const core::Policy& policy);
  ~Story();
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;

  /// So many things happen. Throws Broken.
  void live(std::uint64_t events);
  /// As long as its dice have chosen bytes. Throws Broken.
  void live_on_bytes();
  /// No more faults, no more wishes: everything that can end does, or Broken is thrown.
  void let_all_end();

  /// Everything that was told to a scheduler, in order.
  struct Told {
    Time at;
    core::Event event;
  };
  [[nodiscard]] const std::vector<Told>& told() const { return told_; }
  /// Keeps them, and throws Stopped when so many have been told: the last one is kept, not told.
  void stop_at(std::uint64_t events) { stop_at_ = events; }
  class Stopped : public std::exception {};
  /// Counts what is told there, before it is.
  void count_in(std::uint64_t* counter) { counter_ = counter; }

  /// Of all actions so far: the same for one seed everywhere.
  [[nodiscard]] std::uint64_t digest() const { return digest_; }

  /// What happened, to see that the world is as wild as it is meant to be.
  struct Tally {
    std::uint64_t events = 0;
    std::uint64_t starts = 0;
    std::uint64_t retries = 0;
    std::uint64_t preemptions = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t reserved = 0;  ///< steps in which something was
    std::uint64_t restarts = 0;
    std::uint64_t in_lines = 0;
    std::uint64_t recalls = 0;

    Tally& operator+=(const Tally& other);
  };
  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  using Stored = core::Restored;

  void observe_all();
  void turn();
  void calm_down();
  void check_end(TaskId id) const;
  void happen();
  void submit();
  void give_up();
  core::TaskSpec any_task(const core::Submitted& work);
  core::Request any_request();
  core::RetryPolicy any_retry();
  core::Hooks any_hooks();
  void add_groups(core::Submitted& work, std::vector<core::Node>& nodes);
  void add_edges(core::Submitted& work, const std::vector<core::Node>& nodes);
  void ask();
  void pause();
  void change_a_device();
  void repeat_an_old_report();
  bool answer_something();
  void fire_if_due();
  void answer(const core::Action& action);
  void answer_start(AttemptId attempt);
  void answer(const core::RecallAttempt& recall);
  void exit(AttemptId attempt);
  [[nodiscard]] bool is_behind(AttemptId attempt) const;

  void step(const core::Event& event);
  void store(const core::Action& action);
  void count(const core::TaskState& before, const core::TaskState& after);
  void restart();
  void restore(core::Scheduler& fresh, bool hosts_first);
  void compare_with(const core::Scheduler& fresh) const;
  void compare_task(TaskId id, const core::Scheduler& fresh) const;
  core::TaskState& slot(TaskId id);
  core::GroupState& slot(GroupId id);
  TaskId any_id() { return {1 + dice_.below(last_task_)}; }

  Dice dice_;
  core::Policy policy_;
  std::unique_ptr<core::Scheduler> scheduler_;
  std::unique_ptr<core::Scheduler> twin_;
  int twin_steps_ = 0;
  Judge judge_;
  Time now_{1000000};
  bool paused_ = false;
  bool calm_ = false;
  std::uint64_t stop_at_ = 0;
  std::uint64_t* counter_ = nullptr;
  std::vector<core::Host> hosts_;
  std::vector<core::CounterAmount> counters_;
  std::map<SubmissionId, Stored> stored_;
  std::map<std::string, core::Action> open_;  ///< effects without an answer
  Time timer_;
  std::uint64_t last_task_ = 0;
  std::uint64_t last_group_ = 0;
  std::uint64_t last_submission_ = 0;
  std::vector<Told> told_;
  std::uint64_t digest_ = 0xcbf29ce484222325ULL;
  Tally tally_;
};

}  // namespace cattino::sim
