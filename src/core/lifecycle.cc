// The life of a task: queued, admitted, run, ended. The phases are described in task.h.
#include <algorithm>

#include "base/check.h"
#include "core/impl.h"
#include "core/planted.h"

namespace cattino::core {
namespace {

/// An attempt that ran this long is a fresh start: earlier requeues do not count.
constexpr Duration long_run = Duration::seconds(3600);

}  // namespace

// ---- status and queues ----------------------------------------------------------------------------

void Scheduler::Impl::set_status(TaskRecord& record, TaskStatus status) {
  const TaskStatus before = record.state.status;
  mark(record);
  if (before == status) {
    return;
  }
  if (before == TaskStatus::waiting) {
    --waiting_;
  } else if (before == TaskStatus::running) {
    running_.erase(record.id);
  }
  if (status == TaskStatus::waiting) {
    ++waiting_;
  } else if (status == TaskStatus::running) {
    running_.insert(record.id);
  }
  if ((before == TaskStatus::running) != (status == TaskStatus::running)) {
    count_running(record, status == TaskStatus::running);
  }
  if (has_ended(before) != has_ended(status)) {
    record.submission->open_tasks += has_ended(before) ? 1U : 0U;
    record.submission->open_tasks -= has_ended(status) ? 1U : 0U;
  }
  record.state.status = status;
  touch(*record.submission);
}

/// Puts the task into the queue where it belongs. `not_before` must not change while it is queued.
void Scheduler::Impl::refresh(TaskRecord& record) {
  TaskRecord::Bucket wanted = TaskRecord::Bucket::none;
  const TaskState& state = record.state;
  if (state.status == TaskStatus::waiting && !state.held && record.links.pending == 0) {
    wanted = state.not_before > now_ ? TaskRecord::Bucket::backoff : TaskRecord::Bucket::ready;
  }
  if (wanted == record.bucket) {
    return;
  }
  if (record.bucket == TaskRecord::Bucket::ready) {
    queue_.erase(*record.shape, key_of(record));
    drop_head(record);
    set_reserved(record, 0);
  } else if (record.bucket == TaskRecord::Bucket::backoff) {
    backing_off_.erase({state.not_before, record.id});
  }
  if (wanted == TaskRecord::Bucket::ready) {
    queue_.insert(*record.shape, key_of(record));
  } else if (wanted == TaskRecord::Bucket::backoff) {
    backing_off_.insert({state.not_before, record.id});
  }
  record.bucket = wanted;
}

/// Its place in the order. With aging, so long a wait is worth one of priority: all grow at one pace, so
/// that the order between two never changes.
ReadyKey Scheduler::Impl::key_of(const TaskRecord& record) const {
  const std::int64_t priority = record.terms->priority;
  const std::int64_t aging = policy_.aging.us;
  const std::int64_t plain = planted(Fault::out_of_order) ? priority : -priority;
  const std::int64_t order = aging > 0 ? record.state.queued.us - priority * aging : plain;
  return {order, record.rank, record.created, record.id};
}

/// Time limits that are reached, backoffs that are over, and lines whose front runs for too long.
void Scheduler::Impl::wake() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
    TaskRecord& late = *tables_.tasks.find(deadlines_.begin()->second.value);
    deadlines_.erase(deadlines_.begin());
    if (!late.state.end_requested && !planted(Fault::ignored_deadline)) {
      stop(late, Cause::timed_out);
    }
  }
  while (!lines_.empty() && lines_.begin()->first <= now_) {
    recall(*tables_.tasks.find(lines_.begin()->second.value));
  }
  while (!backing_off_.empty() && backing_off_.begin()->first <= now_) {
    refresh(*tables_.tasks.find(backing_off_.begin()->second.value));
  }
}

// ---- an attempt begins -----------------------------------------------------------------------------

void Scheduler::Impl::admit(TaskRecord& record, const Allocation& allocation) {
  begin_attempt(record, allocation);
  take(record);
  advance(record);
}

void Scheduler::Impl::begin_attempt(TaskRecord& record, const Allocation& allocation) {
  TaskState& state = record.state;
  set_status(record, TaskStatus::running);
  refresh(record);
  state.allocation = planted(Fault::no_allocation) ? Allocation{} : allocation;
  state.phase = TaskPhase::group_hooks;
  state.behind = {};
  state.recalled = false;
  state.device_lost = false;
  state.out_of_memory = false;
  state.end_requested = false;
  state.cause = Cause::none;
  state.cause_node = {};
  ++state.attempt;
  state.last_exit = {};
  state.not_before = {};
  state.started = now_;
  state.ended = {};
}

void Scheduler::Impl::start_process(TaskRecord& record) {
  mark(record);
  record.state.phase = TaskPhase::starting;
  effects_.emplace_back(StartAttempt{{record.id, record.state.attempt}});
  fresh_.push_back(record.id);
}

// ---- what it holds ----------------------------------------------------------------------------------

Hold Scheduler::Impl::hold_of(const TaskRecord& record) {
  const TaskState& state = record.state;
  const Request& request = record.shape->key.request;
  Hold hold;
  hold.allocation = &state.allocation;
  hold.request = &request;
  hold.started = state.started;
  hold.end = request.time_limit.us > 0 ? state.started + request.time_limit : Time{};
  hold.priority = record.terms->priority;
  hold.preemptible = record.terms->preemptible;
  hold.ending = state.end_requested;
  return hold;
}

void Scheduler::Impl::take(const TaskRecord& record) {
  const Hold hold = hold_of(record);
  pool_.take(record.id, hold);
  shares_.began(record.terms->user, record.state.allocation, now_);
  if (hold.end && !record.state.end_requested) {
    deadlines_.insert({hold.end, record.id});
  }
}

void Scheduler::Impl::let_go(TaskRecord& record) {
  const Hold hold = hold_of(record);
  pool_.release(record.id, hold);
  shares_.ended(record.terms->user, record.state.allocation, now_);
  if (hold.end) {
    deadlines_.erase({hold.end, record.id});
  }
  mark(record);
  record.state.allocation = {};
}

void Scheduler::Impl::release(TaskRecord& record) {
  const std::uint32_t host = record.state.allocation.host;
  let_go(record);
  reopen(host, !record.shape->key.request.counters.empty());
}

// ---- the process ----------------------------------------------------------------------------------

/// The record of an attempt, if it is the one that runs now.
TaskRecord* Scheduler::Impl::current(AttemptId attempt) {
  TaskRecord* record = tables_.tasks.find(attempt.task.value);
  if (record == nullptr || record->state.status != TaskStatus::running ||
      (record->state.attempt != attempt.number && !planted(Fault::second_end))) {
    return nullptr;
  }
  return record;
}

void Scheduler::Impl::on(const AttemptStarted& event) {
  TaskRecord* record = current(event.attempt);
  if (record != nullptr && record->state.phase == TaskPhase::starting) {
    record->state.phase = TaskPhase::process;
    mark(*record);
  }
}

void Scheduler::Impl::on(const AttemptExited& event) {
  TaskRecord* record = current(event.attempt);
  if (record == nullptr) {
    return;
  }
  TaskState& state = record->state;
  if (state.phase != TaskPhase::starting && state.phase != TaskPhase::process &&
      state.phase != TaskPhase::stopping) {
    return;
  }
  state.last_exit = event.status;
  state.out_of_memory = event.out_of_memory;
  state.device_lost = !event.status.ok() && pool_.has_lost(state.allocation);
  if (now_ - state.started >= long_run) {
    state.requeues = 0;
  }
  note_run(*record, event.status);
  if (!step_up(*record)) {
    release(*record);
  }
  run_end_hook_or_finish(*record);
}

void Scheduler::Impl::on(const AttemptRecalled& event) {
  TaskRecord* record = current(event.attempt);
  if (record == nullptr || !record->state.behind) {
    return;
  }
  leave_line(*record);
  TaskState& state = record->state;
  record->shape->short_ends = 0;
  --state.attempt;  // it never began
  state.started = {};
  const Time queued = state.queued;
  if (state.end_requested) {
    finish(*record);
    return;
  }
  make_waiting(*record);
  state.queued = queued;
  reshape(*record);
  refresh(*record);
}

/// Waiting again, after an attempt or an end. The caller sets what it waits for, then calls refresh.
void Scheduler::Impl::make_waiting(TaskRecord& record) {
  TaskState& state = record.state;
  const bool had_ended = has_ended(state.status);
  set_status(record, TaskStatus::waiting);
  state.phase = TaskPhase::none;
  state.held = false;
  state.end_requested = false;
  state.cause = Cause::none;
  state.cause_node = {};
  state.ended = {};
  state.queued = std::max(now_, state.not_before);
  if (had_ended) {
    work_.push_back({Op::Kind::unended, NodeRef::of(record.id), {}, false});
  }
}

}  // namespace cattino::core
