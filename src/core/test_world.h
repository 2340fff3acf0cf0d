// A scheduler and the world around it, for tests: hosts with devices, work drafted in the words of
// the domain, time that moves when told, and what the scheduler asked for, as lines of text.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "core/scheduler.h"
#include "core/use.h"

namespace cattino::core {

using Lines = std::vector<std::string>;

inline Request whole(std::uint16_t devices) {
  return {devices, {}, {-1}, {}};
}
inline Request memory(std::int64_t mib, std::uint16_t devices = 1) {
  return {devices, {MemoryRequest::Kind::mib, mib}, {-1}, {}};
}
inline Request share(std::int64_t ppm) {
  return {1, {MemoryRequest::Kind::share, ppm}, {-1}, {}};
}
inline Request no_device(std::int64_t millicores = -1, std::int64_t ram = 0) {
  return {0, {}, {millicores}, {ram}};
}

inline Request limited(Request request, Duration limit) {
  request.time_limit = limit;
  return request;
}
inline Request counting(std::string name, std::int64_t amount, Request request = no_device(0)) {
  request.counters.push_back({std::move(name), amount});
  return request;
}

inline Device accelerator(std::uint16_t index, std::int64_t mib) {
  Device device;
  device.index = index;
  device.total = {mib};
  return device;
}

inline Host box(
    const std::vector<std::int64_t>& devices, std::int64_t cores = 64, std::uint32_t id = 0) {
  Host host;
  host.id = id;
  host.cpus = {cores * 1000};
  host.ram = {256 * 1024};
  for (const std::int64_t mib : devices) {
    host.devices.push_back(accelerator(static_cast<std::uint16_t>(host.devices.size()), mib));
  }
  return host;
}

/// A machine without accelerators.
inline Host cpu_box(std::int64_t ram, std::int64_t cores = 4) {
  Host host = box({ram}, cores);
  host.ram = {ram};
  host.devices[0].kind = DeviceKind::cpu;
  return host;
}

/// For pools: an attempt that holds this. The allocation must outlive the hold where one looks ahead.
inline Hold hold_of(const Allocation& allocation) {
  static const Request nothing = no_device();
  Hold hold;
  hold.allocation = &allocation;
  hold.request = &nothing;
  return hold;
}

struct Wish {
  Request request = no_device();
  GroupId group = {};
  std::int32_t priority = 0;
  Hooks hooks = {};
  bool cascade = true;
  bool command = true;
  Duration expected = {};
  RetryPolicy retry = {};
  bool preemptible = false;
  UserId user = {};
  Time not_before = {};
  bool held = false;
};

/// Without reservations, so that no timers are armed for heads.
inline Policy without_reservations(Policy policy = {}) {
  policy.reservations.depth = 0;
  return policy;
}

class World {
 public:
  explicit World(const Policy& policy = without_reservations()) : scheduler(policy) {}

  Scheduler scheduler;
  Time now{1000000};
  Submitted draft;  ///< what submit() will send

  TaskId task(const Wish& wish = {}) {
    TaskSpec spec;
    spec.id = {++last_task_};
    spec.group = wish.group;
    spec.request = wish.request;
    spec.priority = wish.priority;
    spec.created = now;
    spec.hooks = wish.hooks;
    spec.cascade = wish.cascade;
    spec.command = wish.command;
    spec.expected = wish.expected;
    spec.retry = wish.retry;
    spec.preemptible = wish.preemptible;
    spec.user = wish.user;
    spec.not_before = wish.not_before;
    spec.held = wish.held;
    draft.tasks.push_back(spec);
    return spec.id;
  }
  GroupId group(GroupId parent = {}, Hooks hooks = {}, std::uint32_t max_parallel = 0) {
    draft.groups.push_back({{++last_group_}, parent, hooks, max_parallel});
    return {last_group_};
  }
  template <class From, class To>
  void edge(From from, To to, When when = When::ok) {
    draft.edges.push_back({Node::of(from), Node::of(to), when});
  }
  SubmissionId submit() {
    draft.id = {++last_submission_};
    submitted_.push_back(draft);
    step(std::exchange(draft, {}));
    return {last_submission_};
  }

  void observe(const Host& host) { step(HostObserved{host}); }
  void started(TaskId task) { step(AttemptStarted{attempt(task)}); }
  void exits(TaskId task, ExitStatus status) { step(AttemptExited{attempt(task), status}); }
  void exits(TaskId task, int code = 0) { exits(task, ExitStatus::of_code(code)); }
  /// For lack of memory.
  void runs_out(TaskId task) { step(AttemptExited{attempt(task), ExitStatus::of_signal(9), true}); }
  void recalled(TaskId task) { step(AttemptRecalled{attempt(task)}); }
  void hook_ends(TaskId task, HookKind hook, bool ok = true) {
    step(HookEnded{Node::of(task), hook, attempt(task).number, ok});
  }
  void hook_ends(GroupId group, HookKind hook, bool ok = true) {
    step(HookEnded{Node::of(group), hook, 0, ok});
  }
  void ask(Verb verb, std::vector<TaskId> tasks, Cause cause = Cause::none) {
    step(Requested{verb, std::move(tasks), cause});
  }
  void pause(GroupId group, bool paused = true) { step(Paused{paused, group}); }
  /// Like that world, after a restart in which nothing was lost; hosts are still to be observed.
  void restore(const World& before) {
    now = before.now;
    step(SharesKnown{before.scheduler.shares(before.now)});
    for (const Submitted& work : before.submitted_) {
      if (before.scheduler.state(work.tasks.at(0).id) == nullptr) {
        continue;  // it has left the core
      }
      Restored stored{work, {}, {}};
      for (const TaskSpec& task : work.tasks) {
        stored.tasks.push_back(before.state(task.id));
      }
      for (const GroupSpec& group : work.groups) {
        stored.groups.push_back(*before.scheduler.state(group.id));
      }
      step(stored);
    }
  }
  void pass(Duration duration) {
    now = now + duration;
    step(TimerFired{});
  }

  void step(const Event& event) {
    Actions actions;
    scheduler.step(now, event, actions);
    scheduler.check_invariants();
    for (const Action& action : actions) {
      std::visit([this](const auto& concrete) { note(concrete); }, action);
    }
  }

  RunHook last_hook;  ///< that was asked for

  /// What was asked for since the last look.
  Lines effects() { return std::exchange(effects_, {}); }

  AttemptId attempt(TaskId task) const { return {task, state(task).attempt}; }
  const TaskState& state(TaskId task) const {
    static const TaskState gone;
    const TaskState* found = scheduler.state(task);
    EXPECT_NE(found, nullptr) << task.value << " has left the core";
    return found == nullptr ? gone : *found;
  }
  TaskStatus status(TaskId task) const { return state(task).status; }
  bool waits(TaskId task) const { return status(task) == TaskStatus::waiting; }
  bool runs(TaskId task) const { return status(task) == TaskStatus::running; }

 private:
  static std::string text(AttemptId id) {
    return std::to_string(id.task.value) + "." + std::to_string(id.number);
  }
  void note(const TaskChanged&) {}
  void note(const GroupChanged&) {}
  void note(const StartAttempt& action) { effects_.push_back("start " + text(action.attempt)); }
  void note(const StopAttempt& action) { effects_.push_back("stop " + text(action.attempt)); }
  void note(const RecallAttempt& action) { effects_.push_back("recall " + text(action.attempt)); }
  void note(const RunHook& action) {
    const bool of_task = action.owner.kind == Node::Kind::task;
    const std::string owner = of_task ? text({TaskId{action.owner.id}, action.attempt})
                                      : "group " + std::to_string(action.owner.id);
    effects_.push_back((action.hook == HookKind::on_start ? "on_start " : "on_end ") + owner);
    last_hook = action;
  }
  void note(const HurryHook& action) { effects_.push_back("hurry " + text(action.attempt)); }
  void note(const ArmTimer& action) {
    const std::int64_t ms = action.at ? (action.at - now).ms() : 0;
    effects_.push_back("timer " + std::to_string(ms));
  }
  void note(const SubmissionEnded& action) {
    effects_.push_back("ended " + std::to_string(action.submission.value));
  }

  std::uint64_t last_task_ = 0;
  std::uint64_t last_group_ = 0;
  std::uint64_t last_submission_ = 0;
  std::vector<Submitted> submitted_;
  Lines effects_;
};

}  // namespace cattino::core
