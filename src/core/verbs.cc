// What users ask of tasks: cancel, kill, resume, remove.
#include "core/impl.h"

namespace cattino::core {

bool Scheduler::Impl::would_change(Verb verb, const TaskState& state) {
  const bool runs = state.status == TaskStatus::running;
  // What is stopped for a reason of ours may run again: a user's wish comes before that.
  const bool ends =
      state.end_requested && state.cause != Cause::preempted && state.cause != Cause::timed_out;
  switch (verb) {
    case Verb::cancel:
    case Verb::remove:
      return !has_ended(state.status) && !(runs && ends);
    case Verb::kill:
      return runs && !ends;
    case Verb::resume: {
      const bool stopped = state.status == TaskStatus::failed ||
                           state.status == TaskStatus::cancelled ||
                           (state.status == TaskStatus::waiting && state.held);
      return stopped && state.attempt < AttemptId::number_max;
    }
  }
  return false;
}

bool Scheduler::Impl::would_change(Verb verb, TaskId task) const {
  const TaskRecord* record = tables_.tasks.find(task.value);
  return record != nullptr && would_change(verb, record->state);
}

/// All of them are changed before anything follows from it: a task that was asked for itself is
/// cancelled as the user's wish, not as a consequence of another's.
void Scheduler::Impl::on(const Requested& event) {
  for (const TaskId id : event.tasks) {
    TaskRecord* record = tables_.tasks.find(id.value);
    if (record == nullptr) {
      continue;
    }
    touch(*record->submission);
    if (!would_change(event.verb, record->state)) {
      continue;
    }
    switch (event.verb) {
      case Verb::cancel:
      case Verb::remove:
        stop(*record, event.cause == Cause::none ? Cause::user_cancelled : event.cause);
        break;
      case Verb::kill:
        stop(*record, Cause::user_killed);
        break;
      case Verb::resume:
        make_waiting(*record);
        record->state.requeues = 0;
        record->state.retries = 0;
        record->state.raised = 0;
        record->state.not_before = {};
        record->state.queued = now_;
        reshape(*record);
        refresh(*record);
        break;
    }
  }
}

/// A waiting task ends at once; a running one as soon as its process is gone and its hooks are over.
void Scheduler::Impl::stop(TaskRecord& record, Cause cause) {
  TaskState& state = record.state;
  if (state.status == TaskStatus::waiting) {
    end(record, TaskStatus::cancelled, cause);
    return;
  }
  mark(record);
  const bool is_stopped = state.end_requested;  // and only the cause is new
  state.end_requested = true;
  state.cause = cause;
  if (is_stopped) {
    return;
  }
  pool_.note_ending(record.id, state.allocation.host);
  switch (state.phase) {
    case TaskPhase::none:
    case TaskPhase::stopping:
    case TaskPhase::end_hook:
      return;
    case TaskPhase::group_hooks:
      for (GroupRecord* group : tables_.groups_around(record)) {
        group->waiters.erase(record.id);
      }
      release(record);
      finish(record);
      return;
    case TaskPhase::start_hook:
      // on_start cannot be taken back: its on_end, if there is one, waits for its end.
      effects_.emplace_back(HurryHook{{record.id, state.attempt}});
      release(record);
      if (!record.terms->hooks.on_end) {
        finish(record);
      }
      return;
    case TaskPhase::starting:
    case TaskPhase::process:
      state.phase = TaskPhase::stopping;
      effects_.emplace_back(StopAttempt{{record.id, state.attempt}});
      return;
  }
}

}  // namespace cattino::core
