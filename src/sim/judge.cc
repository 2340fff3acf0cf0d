// The rules, and the books that are kept to see them broken.
#include "sim/judge.h"

#include <algorithm>
#include <tuple>
#include <variant>

#include <fmt/core.h>

#include "core/fit.h"

namespace cattino::sim {
namespace {

using core::TaskPhase;
using core::TaskStatus;

[[noreturn]] void broken(const std::string& what) {
  throw Broken(what);
}

void demand(bool holds, TaskId task, const char* rule) {
  if (!holds) {
    broken(fmt::format("task {}: {}", task.value, rule));
  }
}

bool holds_something(const core::TaskState& state) {
  if (state.status != TaskStatus::running || state.behind) {
    return false;
  }
  return state.phase != TaskPhase::end_hook &&
         !(state.phase == TaskPhase::start_hook && state.end_requested);
}

}  // namespace

bool is_about_room(core::Reason::Kind kind) {
  using Kind = core::Reason::Kind;
  return kind == Kind::devices || kind == Kind::cpus || kind == Kind::ram ||
         kind == Kind::counters || kind == Kind::reserved || kind == Kind::behind ||
         kind == Kind::making_room;
}

// ---- what is heard ----------------------------------------------------------------------------------

void Judge::hear(const core::Submitted& work) {
  if (!submissions_.try_emplace(work.id).second) {
    return;
  }
  for (const core::GroupSpec& group : work.groups) {
    groups_[group.id] = group;
  }
  for (const core::TaskSpec& spec : work.tasks) {
    Known& known = tasks_[spec.id];
    known.spec = spec;
    known.state.held = spec.held;
    known.state.not_before = spec.not_before;
    submissions_[work.id].push_back(spec.id);
  }
  for (const core::Edge& edge : work.edges) {
    if (edge.to.kind == core::Node::Kind::task) {
      tasks_[TaskId{edge.to.id}].before.push_back(edge);
    } else {
      before_groups_[GroupId{edge.to.id}].push_back(edge);
    }
  }
}

void Judge::hear(const core::Host& host) {
  hosts_[host.id] = host;
  for (const core::Device& device : host.devices) {
    Mib& most = most_[{host.id, device.index}];
    most = std::max(most, device.total);
  }
}

void Judge::hear(const core::Event& event) {
  if (const auto* work = std::get_if<core::Submitted>(&event)) {
    hear(*work);
  } else if (const auto* seen = std::get_if<core::HostObserved>(&event)) {
    hear(seen->host);
  } else if (const auto* pause = std::get_if<core::Paused>(&event); pause && !pause->group) {
    paused_ = pause->paused;
  } else if (const auto* declared = std::get_if<core::CountersDeclared>(&event)) {
    for (const core::CounterAmount& counter : declared->counters) {
      counters_[counter.name] = std::max(counters_[counter.name], counter.amount);
    }
  }
}

/// A report of an attempt that is over changes nothing for the task.
void Judge::check_report(const core::Event& event, const core::Actions& actions) const {
  const auto* exited = std::get_if<core::AttemptExited>(&event);
  const auto known = exited == nullptr ? tasks_.end() : tasks_.find(exited->attempt.task);
  if (known == tasks_.end() || known->second.state.attempt == exited->attempt.number) {
    return;
  }
  for (const core::Action& action : actions) {
    const auto* changed = std::get_if<core::TaskChanged>(&action);
    demand(
        changed == nullptr || changed->task != exited->attempt.task ||
            changed->state.last_exit == known->second.state.last_exit,
        exited->attempt.task,
        "an attempt that was over ended again");
  }
}

void Judge::look(Time now, const core::Event& event, const core::Actions& actions) {
  hear(event);
  check_report(event, actions);
  begun_.clear();
  for (const core::Action& action : actions) {
    if (const auto* group = std::get_if<core::GroupChanged>(&action)) {
      group_states_[group->group] = group->state;
    }
  }
  for (const core::Action& action : actions) {
    if (const auto* task = std::get_if<core::TaskChanged>(&action)) {
      change(now, *task);
    } else if (const auto* start = std::get_if<core::StartAttempt>(&action)) {
      demand(
          started_.insert(start->attempt.key()).second,
          start->attempt.task,
          "an attempt was started twice");
    } else if (const auto* recall = std::get_if<core::RecallAttempt>(&action)) {
      started_.erase(recall->attempt.key());
    }
  }
  for (const TaskId task : begun_) {
    check_edges(tasks_.at(task));
    check_order(now, tasks_.at(task));
  }
  check_held();
  check_limits(now);
  check_promises(now, event);
  for (const core::Action& action : actions) {
    if (const auto* ended = std::get_if<core::SubmissionEnded>(&action)) {
      check_end(*ended);
    }
  }
}

// ---- tasks ------------------------------------------------------------------------------------------

void Judge::take(const Known& known, std::int64_t sign) {
  const core::TaskState& state = known.state;
  if (!holds_something(state)) {
    return;
  }
  const core::Allocation& allocation = state.allocation;
  held_.cpus[allocation.host] += sign * allocation.cpus.value;
  for (std::size_t i = 0; i < allocation.devices.size(); ++i) {
    const std::pair device{allocation.host, allocation.devices[i]};
    held_.claims[device].value += sign * allocation.mib.at(i).value;
    held_.holders[device] += sign * (allocation.whole ? 1000 : 1);
  }
  for (const core::CounterAmount& counter : known.spec.request.counters) {
    held_.counters[counter.name] += sign * counter.amount;
  }
}

void Judge::change(Time now, const core::TaskChanged& change) {
  const auto found = tasks_.find(change.task);
  demand(found != tasks_.end(), change.task, "a change of a task that is not there");
  Known& known = found->second;
  const TaskStatus was = known.state.status;
  const TaskStatus is = change.state.status;
  demand(
      !has_ended(was) || is == was || is == TaskStatus::waiting || is == TaskStatus::running,
      change.task,
      "it ended a second time");
  if (is == TaskStatus::running &&
      (was != TaskStatus::running || change.state.attempt > known.state.attempt)) {
    check_start(now, known, change.state);
    begun_.push_back(change.task);
  }
  demand(
      change.state.attempt >= known.state.attempt ||
          change.state.attempt + 1 == known.state.attempt,
      change.task,
      "attempts are counted up");
  take(known, -1);
  known.state = change.state;
  take(known, 1);
}

void Judge::check_start(Time now, const Known& known, const core::TaskState& state) const {
  const TaskId id = known.spec.id;
  const core::Request& request = known.spec.request;
  demand(!paused_ || state.behind, id, "it started while all was paused");
  demand(state.not_before <= now, id, "it started too early");
  demand(state.attempt == known.state.attempt + 1, id, "an attempt was left out");
  const std::size_t devices = state.allocation.devices.size();
  demand(
      !holds_something(state) || (devices >= request.min_devices &&
                                  devices <= std::max(request.min_devices, request.max_devices)),
      id,
      "its gang is not whole");
  for (GroupId group = known.spec.group; group; group = groups_.at(group).parent) {
    demand(!is_paused(group), id, "it started in a group that is paused");
  }
  if (!holds_something(state) || !hosts_.contains(state.allocation.host)) {
    return;
  }
  for (const std::uint16_t index : state.allocation.devices) {
    const core::Device& device = hosts_.at(state.allocation.host).devices.at(index);
    demand(device.health == core::DeviceHealth::ok, id, "it started on a device that is not well");
    demand(!state.allocation.whole || !device.strangers, id, "it started on a device of strangers");
    demand(
        core::is_meant(device, request.pins),
        id,
        "it started on a device that it is not pinned to");
  }
}

bool Judge::is_satisfied(const core::Edge& edge) const {
  if (edge.from.kind != core::Node::Kind::task) {
    return true;  // when a group ends is for the core to say
  }
  const auto from = tasks_.find(TaskId{edge.from.id});
  if (from == tasks_.end()) {
    return true;  // it has left, and holds nobody back
  }
  const TaskStatus status = from->second.state.status;
  return has_ended(status) && (edge.when == core::When::any ||
                               (status == TaskStatus::done) == (edge.when == core::When::ok));
}

void Judge::check_edges(const Known& known) const {
  for (const core::Edge& edge : known.before) {
    demand(is_satisfied(edge), known.spec.id, "it started before its prerequisites");
  }
  for (GroupId group = known.spec.group; group; group = groups_.at(group).parent) {
    const auto edges = before_groups_.find(group);
    if (edges == before_groups_.end()) {
      continue;
    }
    for (const core::Edge& edge : edges->second) {
      demand(is_satisfied(edge), known.spec.id, "it started before its group's prerequisites");
    }
  }
}

bool Judge::is_ready(const Known& known, Time now) const {
  const core::TaskState& state = known.state;
  if (state.status != TaskStatus::waiting || state.held || state.not_before > now ||
      state.raised > 0) {
    return false;
  }
  return std::all_of(known.before.begin(), known.before.end(), [this](const core::Edge& edge) {
    return edge.from.kind == core::Node::Kind::task && is_satisfied(edge);
  });
}

/// Of tasks that are alike, the one with the higher priority starts, then the older one.
void Judge::check_order(Time now, const Known& started) const {
  if (policy_.order != core::Order::submission || policy_.aging.us > 0 || policy_.shares.fair ||
      started.state.raised > 0) {
    return;
  }
  const auto rank = [](const Known& known) {
    return std::tuple(-known.spec.priority, known.spec.created, known.spec.id);
  };
  for (const auto& [id, other] : tasks_) {
    const bool alike =
        other.spec.group == started.spec.group && other.spec.request == started.spec.request;
    if (alike && rank(other) < rank(started) && is_ready(other, now)) {
      broken(fmt::format(
          "task {} started before {}, which comes first", started.spec.id.value, id.value));
    }
  }
}

// ---- sums -------------------------------------------------------------------------------------------

void Judge::check_held() const {
  for (const auto& [device, claimed] : held_.claims) {
    const auto most = most_.find(device);
    if (claimed.value < 0 || (most != most_.end() && claimed > most->second)) {
      broken(fmt::format(
          "host {} device {}: {} MiB are claimed", device.first, device.second, claimed.value));
    }
  }
  for (const auto& [device, holders] : held_.holders) {
    if (holders >= 1000 && holders != 1000) {
      broken(fmt::format("host {} device {} is held alone by two", device.first, device.second));
    }
  }
  for (const auto& [id, cpus] : held_.cpus) {
    const auto host = hosts_.find(id);
    if (host != hosts_.end() && cpus > host->second.cpus.value) {
      broken(fmt::format("host {}: {} thousandths of cores are held", id, cpus));
    }
  }
  for (const auto& [name, held] : held_.counters) {
    const auto total = counters_.find(name);
    if (held < 0 || (total != counters_.end() && held > total->second)) {
      broken(fmt::format("{} of {} are held", held, name));
    }
  }
}

std::int64_t Judge::running_in(GroupId group) const {
  return std::count_if(tasks_.begin(), tasks_.end(), [this, group](const auto& entry) {
    GroupId at = entry.second.spec.group;
    while (at && at != group) {
      at = groups_.at(at).parent;
    }
    return at == group && entry.second.state.status == TaskStatus::running;
  });
}

bool Judge::is_paused(GroupId group) const {
  const auto found = group_states_.find(group);
  return found != group_states_.end() && found->second.paused;
}

void Judge::check_limits(Time now) const {
  for (const TaskId id : begun_) {
    for (GroupId group = tasks_.at(id).spec.group; group; group = groups_.at(group).parent) {
      const std::int64_t most = groups_.at(group).max_parallel;
      demand(most == 0 || running_in(group) <= most, id, "its group runs more than it may");
    }
  }
  for (const auto& [id, known] : tasks_) {
    const Duration limit = known.spec.request.time_limit;
    const bool late = limit.us > 0 && holds_something(known.state) && !known.state.end_requested &&
                      known.state.started + limit <= now;
    demand(!late, id, "it runs past its time limit");
  }
}

/// Once the first head knows when it starts at the latest, no later task makes that later.
void Judge::check_promises(Time now, const core::Event& event) {
  const bool excused = std::holds_alternative<core::HostObserved>(event) ||
                       std::holds_alternative<core::CountersDeclared>(event) ||
                       policy_.shares.fair || policy_.aging.us > 0 ||
                       policy_.order != core::Order::submission;
  const auto rank = [this](TaskId id) {
    const core::TaskSpec& spec = tasks_.at(id).spec;
    return std::tuple(-spec.priority, spec.created, spec.id);
  };
  const std::vector<core::Scheduler::Reserved> reserved = scheduler_->reservations();
  const std::pair before = std::exchange(promised_, {});
  if (reserved.empty() || !reserved[0].shadow) {
    return;
  }
  promised_ = {reserved[0].task, reserved[0].shadow};
  const bool overtaken = std::any_of(begun_.begin(), begun_.end(), [&](TaskId begun) {
    return rank(begun) < rank(reserved[0].task);
  });
  // One that comes before it takes the reservation over, and may leave it again.
  const bool taken_over = std::any_of(tasks_.begin(), tasks_.end(), [&](const auto& entry) {
    return is_ready(entry.second, now) && rank(entry.first) < rank(reserved[0].task);
  });
  if (before.first == promised_.first && !excused && !overtaken && !taken_over) {
    demand(
        promised_.second <= std::max(before.second, now),
        promised_.first,
        "its reservation was put off");
  }
}

void Judge::check_end(const core::SubmissionEnded& ended) {
  for (const TaskId task : submissions_.at(ended.submission)) {
    demand(has_ended(tasks_.at(task).state.status), task, "its submission left before it ended");
    tasks_.erase(task);
  }
  submissions_.erase(ended.submission);
}

// ---- reasons ----------------------------------------------------------------------------------------

void Judge::check_reason(TaskId task, Time now) const {
  using Kind = core::Reason::Kind;
  const auto found = tasks_.find(task);
  if (found == tasks_.end() || found->second.state.status != TaskStatus::waiting) {
    return;
  }
  const Known& known = found->second;
  const core::Reason reason = scheduler_->explain(task);
  const bool open =
      std::any_of(known.before.begin(), known.before.end(), [this](const core::Edge& edge) {
        return !is_satisfied(edge);
      });
  demand(reason.kind != Kind::none, task, "it waits without a reason");
  demand(reason.kind != Kind::next, task, "it waits though it could start");
  demand(
      (reason.kind == Kind::held || reason.kind == Kind::lost) == known.state.held,
      task,
      "a false reason: held");
  demand(
      (reason.kind != Kind::backoff && reason.kind != Kind::not_before) ||
          known.state.not_before > now,
      task,
      "a false reason: backoff");
  demand(!is_about_room(reason.kind) || !open, task, "a false reason: it waits for others");
  demand(!is_about_room(reason.kind) || !paused_, task, "a false reason: all is paused");
  demand(
      reason.kind != Kind::devices || reason.fitting < known.spec.request.min_devices ||
          hosts_.empty(),
      task,
      "a false reason: enough devices fit");
  demand(
      reason.kind != Kind::cpus || reason.wanted_cpus > reason.free_cpus,
      task,
      "a false reason: cores are free");
  demand(
      reason.kind != Kind::counters || reason.wanted_count > reason.free_count,
      task,
      "a false reason: enough of a counter is free");
  const auto limit_of = [this](const core::Node& node) {
    return groups_.at(GroupId{node.id}).max_parallel;
  };
  demand(
      reason.kind != Kind::parallel || running_in(GroupId{reason.nodes.at(0).id}) >=
                                           static_cast<std::int64_t>(limit_of(reason.nodes.at(0))),
      task,
      "a false reason: its group may run more");
  demand(
      reason.kind != Kind::reserved || (reason.nodes.at(0).kind == core::Node::Kind::task &&
                                        reason.nodes.at(0).id != task.value),
      task,
      "a false reason: reserved for itself");
}

}  // namespace cattino::sim
