// Lines: short tasks, started ahead of time behind running ones.
//
// Where tasks end after milliseconds, asking who is next after each end takes longer than the tasks. So,
// while every ready task has one and the same shape and the last of them were short, the next ones are
// started *behind* tasks that run: their processes begin, one after the other and without asking again,
// when the one in front is gone, on what it held. Nothing else is different: a task in a line runs (in
// phase starting), can be stopped, and steps up when the exit of the one in front is heard of.
//
//   front ◀─behind─ second ◀─behind─ third        lines_: {front.started + patience, front}
//
// What that may cost others is bounded. As soon as a ready task of another shape appears, the queue is
// paused, a device changes, or the front has run for `patience`, what has not begun is recalled: it waits
// again as if nothing had been, in its old place.
#include <algorithm>

#include "core/impl.h"

namespace cattino::core {

TaskRecord* Scheduler::Impl::follower(const TaskRecord& record) {
  const auto found = followers_.find(record.id);
  return found == followers_.end() ? nullptr : tables_.tasks.find(found->second.value);
}

bool Scheduler::Impl::may_lead(const TaskRecord& record) const {
  const TaskState& state = record.state;
  const bool runs = state.phase == TaskPhase::starting || state.phase == TaskPhase::process;
  return runs && record.terms->command && !record.terms->preemptible &&
         !record.shape->key.throttle && !state.end_requested && !state.recalled && !state.behind &&
         record.shape->short_ends >= policy_.lines.short_ends &&
         now_ - state.started < policy_.lines.patience;
}

/// Only what needs nothing done before its process begins.
bool Scheduler::Impl::may_follow(const TaskRecord& record) {
  if (!record.terms->command || record.terms->hooks.on_start || record.terms->hooks.on_end) {
    return false;
  }
  const std::vector<GroupRecord*> groups = tables_.groups_around(record);
  return std::all_of(groups.begin(), groups.end(), [](const GroupRecord* group) {
    const bool hooks = group->spec.hooks.on_start || group->spec.hooks.on_end;
    return !hooks || group->state.phase == GroupPhase::started;
  });
}

/// The last in the line; null if it is long enough, or that one is to leave it.
TaskRecord* Scheduler::Impl::end_of_line(TaskRecord& leader) {
  TaskRecord* last = &leader;
  std::uint32_t length = 0;
  for (TaskRecord* next = follower(leader); next != nullptr; next = follower(*next)) {
    last = next;
    ++length;
  }
  const bool leaves = last->state.recalled || last->state.end_requested;
  return length < policy_.lines.length && !leaves ? last : nullptr;
}

/// By one. False if it cannot be longer.
bool Scheduler::Impl::lengthen(TaskRecord& leader) {
  const std::set<ReadyKey>& ready = leader.shape->ready;
  if (ready.empty() || ready.size() != queue_.size()) {
    return false;
  }
  TaskRecord* const last = may_lead(leader) ? end_of_line(leader) : nullptr;
  TaskRecord& next = *tables_.tasks.find(ready.begin()->task.value);
  if (last == nullptr || !may_follow(next)) {
    return false;
  }
  join(next, *last);
  if (last == &leader) {
    open_line(leader);
  }
  return true;
}

void Scheduler::Impl::join(TaskRecord& record, TaskRecord& front) {
  begin_attempt(record, front.state.allocation);
  TaskState& state = record.state;
  state.behind = front.id;
  state.phase = TaskPhase::starting;
  followers_[front.id] = record.id;
  effects_.emplace_back(StartAttempt{{record.id, state.attempt}});
}

void Scheduler::Impl::open_line(const TaskRecord& leader) {
  lines_.insert({leader.state.started + policy_.lines.patience, leader.id});
}

void Scheduler::Impl::close_line(const TaskRecord& leader) {
  lines_.erase({leader.state.started + policy_.lines.patience, leader.id});
}

/// At the end of a step. Each line in turn, so that tasks begin nearly in their order.
void Scheduler::Impl::tend_lines() {
  std::vector<TaskId> fresh;
  fresh.swap(fresh_);
  if (policy_.lines.length == 0) {
    return;
  }
  if (!lines_.empty()) {
    const TaskRecord& front = *tables_.tasks.find(lines_.begin()->second.value);
    if (paused_ || front.shape->ready.size() != queue_.size()) {
      recall_all();
    }
  }
  bool longer = !paused_;
  while (longer) {
    longer = false;
    for (const TaskId id : fresh) {
      TaskRecord* const leader = tables_.tasks.find(id.value);
      longer = (leader != nullptr && lengthen(*leader)) || longer;
    }
  }
}

/// `record` is gone: the one behind it, if there is one, has what it held, or its place in the line.
/// False if what it held is to be released.
bool Scheduler::Impl::step_up(TaskRecord& record) {
  if (record.state.behind) {
    leave_line(record);
    return true;
  }
  TaskRecord* const next = follower(record);
  if (next == nullptr) {
    return false;
  }
  close_line(record);
  let_go(record);
  followers_.erase(record.id);
  TaskState& state = next->state;
  state.behind = {};
  state.started = now_;
  take(*next);
  mark(*next);
  fresh_.push_back(next->id);
  const TaskRecord* const third = follower(*next);
  if (third != nullptr && !third->state.recalled) {
    open_line(*next);
  }
  return true;
}

/// Those behind it move up.
void Scheduler::Impl::leave_line(TaskRecord& record) {
  mark(record);
  TaskRecord& front = *tables_.tasks.find(record.state.behind.value);
  TaskRecord* const next = follower(record);
  followers_.erase(record.id);
  if (next != nullptr) {
    next->state.behind = front.id;
    followers_[front.id] = next->id;
    mark(*next);
  } else {
    followers_.erase(front.id);
    close_line(front);
  }
  record.state.behind = {};
  record.state.recalled = false;
  record.state.allocation = {};
}

void Scheduler::Impl::recall(TaskRecord& leader) {
  close_line(leader);
  for (TaskRecord* next = follower(leader); next != nullptr; next = follower(*next)) {
    mark(*next);
    next->state.recalled = true;  // also if it is being stopped: nobody joins behind it
    if (next->state.phase == TaskPhase::starting) {
      effects_.emplace_back(RecallAttempt{{next->id, next->state.attempt}});
    }
  }
}

void Scheduler::Impl::recall_all() {
  while (!lines_.empty()) {
    recall(*tables_.tasks.find(lines_.begin()->second.value));
  }
}

/// Those whose front is known by now.
void Scheduler::Impl::restore_lines() {
  for (const auto& [front, next] : followers_) {
    const TaskRecord* const leader = tables_.tasks.find(front.value);
    const TaskRecord* const second = tables_.tasks.find(next.value);
    if (leader != nullptr && leader->state.status == TaskStatus::running && !leader->state.behind &&
        !second->state.recalled) {
      open_line(*leader);
    }
  }
}

/// For lines, and for guesses when others will start.
void Scheduler::Impl::note_run(const TaskRecord& record, const ExitStatus& status) const {
  const Duration run = now_ - record.state.started;
  if (status.ok()) {
    Duration& usual = record.shape->usual_run;
    usual.us = usual.us == 0 ? run.us : usual.us + (run.us - usual.us) / 4;
  }
  const bool ran = status.kind == ExitStatus::Kind::code || status.kind == ExitStatus::Kind::signal;
  if (!ran || now_ - record.state.started > policy_.lines.short_run) {
    record.shape->short_ends = 0;
  } else if (record.shape->short_ends < policy_.lines.short_ends) {
    ++record.shape->short_ends;
  }
}

}  // namespace cattino::core
