// Who waits for which tasks to end. Each wait counts the ends it still needs; an event costs what it
// changes: the waits on the task that changed.
//
// Whether anything left can go on without the user (outcome 6) is answered through a *witness*: one task
// of the wait that can. It stays one until it ends or the core counts a setback; then another is looked
// for, and none means outcome 6.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/engine.h"
#include "engine/world.h"

namespace cattino::engine {

class Waits {
 public:
  struct Ended {
    int outcome = 0;
    bool abandoned = false;     ///< we leave, and nobody follows: nothing else is told
    std::vector<TaskId> tasks;  ///< all, in the order of ids
    std::vector<TaskId> stuck;
    std::vector<std::pair<std::string, std::uint64_t>> counts;
  };

  /// `quiet` tells that nothing runs, nothing could start, and nothing is due; `written`, that what the core
  /// decided is stored: until then no wait is over but by its timeout.
  Waits(World& world, std::function<bool()> quiet, std::function<bool()> written);

  /// `tasks` in the order of ids with what is known of them; `state` of ended ones that the core does
  /// not hold any more. `ended` is called once, not from within.
  struct Wanted {
    TaskId task;
    core::TaskStatus status = core::TaskStatus::waiting;
  };
  std::uint64_t add(
      const std::vector<Wanted>& tasks,
      std::optional<Duration> timeout,
      std::function<void(Ended)> ended);
  void remove(std::uint64_t number);

  void changed(TaskId task, const core::TaskState& state);

  /// At the end of a turn: waits that are over are answered.
  void settle();

  /// Ends all of them: we leave for good.
  void abandon();

  [[nodiscard]] bool empty() const { return waits_.empty(); }

 private:
  struct Wait {
    std::vector<TaskId> tasks;
    std::unordered_map<TaskId, core::TaskStatus> statuses;
    std::uint64_t left = 0;  ///< have not ended
    std::size_t next = 0;    ///< index of the task with which the next search begins
    TaskId witness;          ///< can go on; 0: to be looked for
    bool timed_out = false;
    std::function<void(Ended)> ended;
    std::unique_ptr<sys::Timer> timer;
  };

  void watch(TaskId task, std::uint64_t number) { watchers_[task].insert(number); }
  void unwatch(TaskId task, std::uint64_t number);
  void finish(std::uint64_t number, bool stuck);
  static void note(Wait& wait, TaskId task, core::TaskStatus status);
  void settle(std::uint64_t number, bool quiet);
  TaskId find_witness(Wait& wait) const;

  World& world_;
  std::function<bool()> quiet_;
  std::function<bool()> written_;
  std::unordered_map<std::uint64_t, Wait> waits_;
  std::unordered_map<TaskId, std::unordered_set<std::uint64_t>> watchers_;
  std::unordered_set<std::uint64_t> dirty_;
  std::uint64_t setbacks_ = 0;  ///< of the core, when the waits were last settled
  std::uint64_t next_ = 1;
  bool abandoned_ = false;
};

}  // namespace cattino::engine
