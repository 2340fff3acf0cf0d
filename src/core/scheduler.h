// The scheduling core: events in, actions out. No clock, file, thread, randomness or floating point.
//
// What runs next: a task is *ready* when its prerequisites (its own edges and those of the groups
// around it) are satisfied, it is not held and not backing off. Ready tasks have a total order:
// priority (higher first), creation, id. After each event the core goes through them in that order and
// starts every one that fits what is free; one that does not fit does not block one that does.
//
// Ready tasks are kept by *shape* (equal requests): if the first of a shape does not fit, none of the
// shape does, so the cost of an event grows with what it changes and the number of shapes, never with
// the length of the queue.
//
// Owned and called by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/event.h"
#include "core/policy.h"
#include "core/reason.h"

namespace cattino::core {

class Scheduler {
 public:
  explicit Scheduler(const Policy& policy = {});
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  Scheduler(Scheduler&&) = delete;
  Scheduler& operator=(Scheduler&&) = delete;

  /// Takes one event and appends what is to be done to `actions`, in the order in which it is to take
  /// effect. Events about attempts or hooks that are not current are ignored: reports may repeat.
  /// `now` never goes back.
  void step(Time now, const Event& event, Actions& actions);

  /// Problems of new work, none changes the core. Cycles, and requests no empty host could satisfy.
  [[nodiscard]] std::vector<Problem> check(const Submitted& work) const;

  /// Effects that were asked for and have not been answered: to be asked for again after a restart
  /// (StartAttempt for attempts in phase starting, RunHook, StopAttempt, ArmTimer), in order of ids, those in
  /// a line behind the one in front.
  [[nodiscard]] Actions outstanding() const;

  /// Would `verb` change this task now?
  [[nodiscard]] bool would_change(Verb verb, TaskId task) const;

  /// Null if the core does not hold the task: it never existed, or its submission has ended.
  [[nodiscard]] const TaskState* state(TaskId task) const;
  [[nodiscard]] const Terms* terms(TaskId task) const;
  [[nodiscard]] const GroupState* state(GroupId group) const;
  [[nodiscard]] const GroupSpec* spec(GroupId group) const;

  /// Why the task waits. Cost: its prerequisites and the devices of a host. With the present time, also about
  /// when it starts, which plays up to a few hundred others forward.
  [[nodiscard]] Reason explain(TaskId task, Time forecast_at = {}) const;

  /// Can the task still come to its end without the user? Not if it, or something that must end before
  /// it, is held, lost, or kept waiting for what can never be. Looks at no more than `budget` nodes and
  /// edges, and takes off what it looked at; when nothing is left the answer is yes.
  [[nodiscard]] bool can_go_on(TaskId task, std::size_t& budget) const;

  /// Grows whenever a task is held or a prerequisite fails for good: unless it has, whatever could go
  /// on still can.
  [[nodiscard]] std::uint64_t setbacks() const;

  /// Members of a group, those of groups in it counted as one each.
  struct Members {
    std::uint64_t all = 0;
    std::uint64_t ended = 0;
  };
  [[nodiscard]] Members members(GroupId group) const;

  [[nodiscard]] const std::vector<Host>& hosts() const;

  /// What is kept for a task that does not fit yet.
  struct Reserved {
    TaskId task;
    std::uint32_t host = 0;
    std::vector<std::uint16_t> devices;
    std::uint16_t idle = 0;  ///< devices of these that nobody holds
    Time shadow;             ///< when it starts at the latest; 0: not known
  };
  /// In the order of their tasks.
  [[nodiscard]] std::vector<Reserved> reservations() const;

  /// What users have had, for SharesKnown after a restart.
  [[nodiscard]] std::vector<UserShare> shares(Time now) const;

  struct Counts {
    std::uint64_t waiting = 0;
    std::uint64_t running = 0;
    std::uint64_t ready = 0;  ///< waiting, and only for resources
  };
  [[nodiscard]] Counts counts() const;

  /// Aborts if an invariant is broken: claims within devices, one allocation for each attempt that
  /// holds devices, counts right, nothing ready that fits. For tests and debug builds; walks all.
  void check_invariants() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cattino::core
