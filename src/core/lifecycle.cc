// The life of a task: queued, admitted, run, ended. The phases are described in task.h.
#include <algorithm>

#include "base/check.h"
#include "core/impl.h"

namespace cattino::core {
namespace {

constexpr int retry_code = 100;
constexpr std::uint32_t most_requeues = 10;
constexpr Duration first_backoff = Duration::seconds(1);
constexpr Duration longest_backoff = Duration::seconds(600);
/// An attempt that ran this long is a fresh start: earlier requeues do not count.
constexpr Duration long_run = Duration::seconds(3600);

Duration backoff_after(std::uint32_t requeues) {
  Duration backoff = first_backoff;
  for (std::uint32_t i = 1; i < requeues && backoff < longest_backoff; ++i) {
    backoff = backoff * 2;
  }
  return std::min(backoff, longest_backoff);
}

ReadyKey key_of(const TaskRecord& record) {
  const TaskSpec& spec = record.spec;
  return {spec.priority, record.rank, spec.created, spec.id};
}

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
    running_.erase(record.spec.id);
  }
  if (status == TaskStatus::waiting) {
    ++waiting_;
  } else if (status == TaskStatus::running) {
    running_.insert(record.spec.id);
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
  } else if (record.bucket == TaskRecord::Bucket::backoff) {
    backing_off_.erase({state.not_before, record.spec.id});
  }
  if (wanted == TaskRecord::Bucket::ready) {
    queue_.insert(*record.shape, key_of(record));
  } else if (wanted == TaskRecord::Bucket::backoff) {
    backing_off_.insert({state.not_before, record.spec.id});
  }
  record.bucket = wanted;
}

/// Backoffs that are over, and lines whose front runs for too long.
void Scheduler::Impl::wake() {
  while (!lines_.empty() && lines_.begin()->first <= now_) {
    recall(*tables_.tasks.find(lines_.begin()->second.value));
  }
  while (!backing_off_.empty() && backing_off_.begin()->first <= now_) {
    refresh(*tables_.tasks.find(backing_off_.begin()->second.value));
  }
}

// ---- placement ------------------------------------------------------------------------------------

/// Strict order, but skipping: what does not fit does not block what does. The first shape passed over
/// is the head's: a reservation for it would be made here, and handed to Pool::place as one more
/// holder for those that come after.
void Scheduler::Impl::place() {
  while (!paused_) {
    const ReadyKey* first = queue_.first();
    if (first == nullptr) {
      return;
    }
    TaskRecord& record = *tables_.tasks.find(first->task.value);
    const std::optional<Allocation> allocation = pool_.place(record.spec.request);
    if (allocation.has_value()) {
      admit(record, *allocation);
    } else {
      queue_.block_first();
    }
  }
}

void Scheduler::Impl::admit(TaskRecord& record, const Allocation& allocation) {
  begin_attempt(record, allocation);
  pool_.take(record.spec.id, allocation);
  advance(record);
}

void Scheduler::Impl::begin_attempt(TaskRecord& record, const Allocation& allocation) {
  TaskState& state = record.state;
  set_status(record, TaskStatus::running);
  refresh(record);
  state.allocation = allocation;
  state.phase = TaskPhase::group_hooks;
  state.behind = {};
  state.recalled = false;
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
  effects_.emplace_back(StartAttempt{{record.spec.id, record.state.attempt}});
  fresh_.push_back(record.spec.id);
}

void Scheduler::Impl::release(TaskRecord& record) {
  mark(record);
  pool_.release(record.spec.id, record.state.allocation);
  record.state.allocation = {};
  queue_.unblock_all();
}

// ---- the process ----------------------------------------------------------------------------------

/// The record of an attempt, if it is the one that runs now.
TaskRecord* Scheduler::Impl::current(AttemptId attempt) {
  TaskRecord* record = tables_.tasks.find(attempt.task.value);
  if (record == nullptr || record->state.status != TaskStatus::running ||
      record->state.attempt != attempt.number) {
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
  if (state.end_requested) {
    finish(*record);
    return;
  }
  make_waiting(*record);
  refresh(*record);
}

// ---- ends -----------------------------------------------------------------------------------------

/// The attempt is over, its on_end too: what becomes of the task.
void Scheduler::Impl::finish(TaskRecord& record) {
  TaskState& state = record.state;
  const ExitStatus exit = state.last_exit;
  if (state.end_requested) {
    const bool killed = state.cause == Cause::user_killed;
    end(record, killed ? TaskStatus::failed : TaskStatus::cancelled, state.cause);
  } else if (state.cause == Cause::hook_failed) {
    end(record, TaskStatus::failed, Cause::hook_failed);
  } else if (exit.ok()) {
    end(record, TaskStatus::done, Cause::none);
  } else if (exit.kind == ExitStatus::Kind::lost) {
    make_waiting(record);
    state.held = true;
    ++setbacks_;
    state.cause = Cause::lost;
    refresh(record);
  } else if (exit.kind == ExitStatus::Kind::code && exit.value == retry_code) {
    requeue(record);
  } else {
    end(record, TaskStatus::failed, Cause::exit);
  }
}

void Scheduler::Impl::requeue(TaskRecord& record) {
  TaskState& state = record.state;
  if (state.requeues >= most_requeues || state.attempt >= AttemptId::number_max) {
    end(record, TaskStatus::failed, Cause::retries_over);
    return;
  }
  // A prerequisite may have been resumed, and have ended otherwise, while this attempt ran.
  const NodeRef dead = tables_.dead_source(NodeRef::of(record.spec.id));
  if (dead && record.spec.cascade) {
    state.cause_node = dead.node();
    end(record, TaskStatus::cancelled, Cause::dependency);
    return;
  }
  ++state.requeues;
  state.not_before = now_ + backoff_after(state.requeues);
  make_waiting(record);
  refresh(record);
}

void Scheduler::Impl::end(TaskRecord& record, TaskStatus status, Cause cause) {
  TaskState& state = record.state;
  CHECK(!has_ended(state.status) && has_ended(status));
  set_status(record, status);
  state.phase = TaskPhase::none;
  state.held = false;
  state.end_requested = false;
  state.cause = cause;
  state.ended = now_;
  refresh(record);
  state.not_before = {};
  work_.push_back({Op::Kind::ended, NodeRef::of(record.spec.id), {}, false});
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
  if (had_ended) {
    work_.push_back({Op::Kind::unended, NodeRef::of(record.spec.id), {}, false});
  }
}

}  // namespace cattino::core
