// Waiting for ends.
#include "engine/waits.h"

#include <algorithm>
#include <map>
#include <utility>

namespace cattino::engine {

namespace {

/// Limits of one search for a witness. A search that runs out takes it that something can go on, and
/// asks again with the next change.
constexpr int search_budget = 20'000;
constexpr int search_depth = 200;

}  // namespace

Waits::Waits(World& world, std::function<bool()> quiet) : world_(world), quiet_(std::move(quiet)) {}

std::uint64_t Waits::add(
    std::vector<Wanted> tasks, std::optional<Duration> timeout, std::function<void(Ended)> ended) {
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
  world_.loop.post(world_.guarded([this] { settle(); }));
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
  unwatch(at->second.witness, number);
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
    const auto own = wait.statuses.find(task);
    if (own != wait.statuses.end()) {
      const bool before = core::has_ended(own->second);
      const bool now = core::has_ended(state.status);
      own->second = state.status;
      if (!before && now) {
        --wait.left;
      } else if (before && !now) {
        ++wait.left;
        wait.first = 0;
      }
    }
    if (wait.left == 0 || wait.witness == task || !wait.witness) {
      dirty_.insert(number);
    }
  }
}

void Waits::settle() {
  const bool quiet = !waits_.empty() && quiet_();
  if (quiet) {
    for (const auto& [number, wait] : waits_) {
      dirty_.insert(number);
    }
  }
  for (const std::uint64_t number : std::exchange(dirty_, {})) {
    const auto at = waits_.find(number);
    if (at == waits_.end()) {
      continue;
    }
    Wait& wait = at->second;
    if (wait.left == 0 || wait.timed_out) {
      finish(number, false);
      continue;
    }
    if (!wait.statuses.contains(wait.witness)) {
      unwatch(wait.witness, number);
    }
    wait.witness = quiet ? TaskId{} : find_witness(wait);
    if (!wait.witness) {
      finish(number, true);
    } else {
      watch(wait.witness, number);
    }
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

TaskId Waits::find_witness(Wait& wait) {
  while (wait.first < wait.tasks.size() && core::has_ended(wait.statuses[wait.tasks[wait.first]])) {
    ++wait.first;
  }
  Search search;
  search.budget = search_budget;
  for (std::size_t i = wait.first; i < wait.tasks.size(); ++i) {
    const TaskId task = wait.tasks[i];
    if (core::has_ended(wait.statuses[task])) {
      continue;
    }
    if (const TaskId witness = can_go_on(task, search)) {
      return witness;
    }
    if (search.budget <= 0) {
      return task;
    }
  }
  return {};
}

/// The task itself, or the one that it waits for, that runs or will start without the user; 0: none.
TaskId Waits::can_go_on(TaskId task, Search& search) const {
  const core::TaskState* state = world_.core.state(task);
  if (state == nullptr || core::has_ended(state->status) || search.seen.contains(task) ||
      --search.budget <= 0) {
    return {};
  }
  if (state->status == core::TaskStatus::running || search.depth == search_depth) {
    return task;
  }
  const core::Reason reason = world_.core.explain(task);
  TaskId witness;
  switch (reason.kind) {
    case core::Reason::Kind::held:
    case core::Reason::Kind::lost:
    case core::Reason::Kind::dependency_failed:
      break;
    case core::Reason::Kind::dependencies:
      ++search.depth;
      witness = through_dependencies(task, reason, search);
      --search.depth;
      break;
    case core::Reason::Kind::none:
    case core::Reason::Kind::devices:
    case core::Reason::Kind::cpus:
    case core::Reason::Kind::ram:
    case core::Reason::Kind::backoff:
    case core::Reason::Kind::paused:
    case core::Reason::Kind::next:
      return task;
  }
  if (!witness) {
    search.seen.insert(task);
  }
  return witness;
}

/// All of a task's prerequisites must end: it can go on only if each of those that the reason names can.
/// Groups are taken to; when nothing at all goes on, `quiet` tells.
TaskId Waits::through_dependencies(TaskId task, const core::Reason& reason, Search& search) const {
  TaskId witness;
  for (const core::Node& node : reason.nodes) {
    const TaskId found =
        node.kind == core::Node::Kind::task ? can_go_on(TaskId{node.id}, search) : task;
    if (!found) {
      return {};
    }
    witness = witness ? witness : found;
  }
  return witness;
}

}  // namespace cattino::engine
