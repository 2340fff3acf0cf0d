// Waiting for ends.
#include "engine/waits.h"

#include <algorithm>
#include <map>
#include <utility>

namespace cattino::engine {

namespace {

/// Nodes and edges that one search for a witness looks at. A search that runs out takes it that
/// something can go on, and asks again after the next setback.
constexpr std::size_t search_budget = 10'000;

}  // namespace

Waits::Waits(World& world, std::function<bool()> quiet, std::function<bool()> written)
    : world_(world), quiet_(std::move(quiet)), written_(std::move(written)) {}

std::uint64_t Waits::add(
    const std::vector<Wanted>& tasks,
    std::optional<Duration> timeout,
    std::function<void(Ended)> ended) {
  const std::uint64_t number = next_++;
  Wait& wait = waits_[number];
  wait.ended = std::move(ended);
  for (const Wanted& wanted : tasks) {
    const core::TaskState* state = world_.core.state(wanted.task);
    const core::TaskStatus status = state != nullptr ? state->status : wanted.status;
    wait.tasks.push_back(wanted.task);
    wait.statuses.emplace(wanted.task, status);
    if (!core::has_ended(status)) {
      ++wait.left;
    }
    watch(wanted.task, number);
  }
  if (timeout) {
    wait.timer = std::make_unique<sys::Timer>(world_.loop);
    wait.timer->arm(*timeout, [this, number] {
      waits_[number].timed_out = true;
      dirty_.insert(number);
      settle();
    });
  }
  dirty_.insert(number);
  world_.loop.post(world_.guarded([this] { abandoned_ ? abandon() : settle(); }));
  return number;
}

void Waits::unwatch(TaskId task, std::uint64_t number) {
  const auto at = watchers_.find(task);
  if (at != watchers_.end()) {
    at->second.erase(number);
    if (at->second.empty()) {
      watchers_.erase(at);
    }
  }
}

void Waits::remove(std::uint64_t number) {
  const auto at = waits_.find(number);
  if (at == waits_.end()) {
    return;
  }
  for (const TaskId task : at->second.tasks) {
    unwatch(task, number);
  }
  waits_.erase(at);
  dirty_.erase(number);
}

void Waits::changed(TaskId task, const core::TaskState& state) {
  const auto watching = watchers_.find(task);
  if (watching == watchers_.end()) {
    return;
  }
  for (const std::uint64_t number : watching->second) {
    Wait& wait = waits_[number];
    note(wait, task, state.status);
    if (wait.left == 0 || wait.witness == task) {
      dirty_.insert(number);
    }
  }
}

void Waits::note(Wait& wait, TaskId task, core::TaskStatus status) {
  const bool before = core::has_ended(std::exchange(wait.statuses[task], status));
  const bool now = core::has_ended(status);
  if (!before && now) {
    --wait.left;
  } else if (before && !now) {
    ++wait.left;
  }
}

void Waits::settle() {
  const bool quiet = !waits_.empty() && quiet_();
  if (quiet || setbacks_ != world_.core.setbacks()) {
    setbacks_ = world_.core.setbacks();
    for (const auto& [number, wait] : waits_) {
      dirty_.insert(number);
    }
  }
  for (const std::uint64_t number : std::exchange(dirty_, {})) {
    settle(number, quiet);
  }
}

void Waits::settle(std::uint64_t number, bool quiet) {
  const auto at = waits_.find(number);
  if (at == waits_.end()) {
    return;
  }
  Wait& wait = at->second;
  if (!wait.timed_out && !written_()) {
    dirty_.insert(number);
    return;
  }
  if (wait.left == 0 || wait.timed_out) {
    finish(number, false);
    return;
  }
  wait.witness = quiet ? TaskId{} : find_witness(wait);
  if (!wait.witness) {
    finish(number, true);
  }
}

void Waits::finish(std::uint64_t number, bool stuck) {
  Wait& wait = waits_[number];
  Ended ended;
  std::map<core::TaskStatus, std::uint64_t> counts;
  for (const TaskId task : wait.tasks) {
    const core::TaskStatus status = wait.statuses[task];
    ++counts[status];
    if (stuck && !core::has_ended(status)) {
      ended.stuck.push_back(task);
    }
  }
  for (const auto& [status, count] : counts) {
    ended.counts.emplace_back(core::name(status), count);
  }
  if (wait.left > 0) {
    ended.outcome = stuck ? 6 : 5;
  } else if (counts.contains(core::TaskStatus::failed)) {
    ended.outcome = 1;
  } else if (counts.contains(core::TaskStatus::cancelled)) {
    ended.outcome = 4;
  }
  ended.tasks = wait.tasks;
  const auto callback = std::move(wait.ended);
  remove(number);
  callback(std::move(ended));
}

void Waits::abandon() {
  abandoned_ = true;
  while (!waits_.empty()) {
    const auto first = waits_.begin();
    const auto callback = std::move(first->second.ended);
    remove(first->first);
    Ended ended;
    ended.abandoned = true;
    callback(std::move(ended));
  }
}

/// A task of the wait that can go on; 0: none can. Begins at the last one that could, so that all
/// searches of a wait together go through its tasks about once.
TaskId Waits::find_witness(Wait& wait) const {
  std::size_t budget = search_budget;
  const std::size_t count = wait.tasks.size();
  for (std::size_t looked = 0; looked < count; ++looked) {
    const TaskId task = wait.tasks[wait.next];
    const bool ended = core::has_ended(wait.statuses[task]);
    if (!ended && (budget == 0 || world_.core.can_go_on(task, budget))) {
      return task;
    }
    wait.next = (wait.next + 1) % count;
  }
  return {};
}

}  // namespace cattino::engine
