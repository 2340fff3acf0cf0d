// The public face of the core, and one step from its event to its actions.
#include "core/scheduler.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/impl.h"
#include "core/planted.h"

namespace cattino::core {

const char* name(TaskStatus status) {
  switch (status) {
    case TaskStatus::waiting:
      return "Waiting";
    case TaskStatus::running:
      return "Running";
    case TaskStatus::done:
      return "Done";
    case TaskStatus::failed:
      return "Failed";
    case TaskStatus::cancelled:
      return "Cancelled";
  }
  return "?";
}

bool holds_resources(const TaskState& state) {
  switch (state.phase) {
    case TaskPhase::group_hooks:
    case TaskPhase::starting:
    case TaskPhase::process:
    case TaskPhase::stopping:
      return true;
    case TaskPhase::start_hook:
      return !state.end_requested;
    case TaskPhase::none:
    case TaskPhase::end_hook:
      return false;
  }
  return false;
}

// ---- a step ---------------------------------------------------------------------------------------

void Scheduler::Impl::step(Time now, const Event& event, Actions& actions) {
  now_ = std::max(now_, now);
  quiet_ = std::holds_alternative<Restored>(event);
  std::visit([this](const auto& concrete) { on(concrete); }, event);
  drain();
  if (quiet_) {
    quiet_ = false;
    settled_ = false;
    return;
  }
  wake();
  do {
    drain();
    place();
  } while (!work_.empty());
  tend_lines();
  settled_ = true;
  flush(actions);
  arm(actions);
  end_submissions(actions);
}

void Scheduler::Impl::on(const HostObserved& event) {
  if (pool_.observe(event.host)) {
    recall_all();
  }
  queue_.reopen_all();
}

void Scheduler::Impl::on(const CountersDeclared& event) {
  pool_.declare(event.counters);
  queue_.reopen_all();
}

void Scheduler::Impl::on(const SharesKnown& event) {
  shares_.restore(event.shares);
}

void Scheduler::Impl::on(const TimerFired&) {
  armed_ = {};
}

void Scheduler::Impl::mark(TaskRecord& record) {
  const bool forgets = planted(Fault::unsaved_change) && record.state.requeues == 1;
  if (!record.dirty && !quiet_ && !forgets) {
    record.dirty = true;
    changed_tasks_.push_back(&record);
  }
}

void Scheduler::Impl::mark(GroupRecord& record) {
  if (!record.dirty && !quiet_) {
    record.dirty = true;
    changed_groups_.push_back(&record);
  }
}

void Scheduler::Impl::touch(Submission& submission) {
  if (!submission.maybe_ended && !quiet_) {
    submission.maybe_ended = true;
    touched_.push_back(&submission);
  }
}

void Scheduler::Impl::flush(Actions& actions) {
  actions.reserve(
      actions.size() + changed_tasks_.size() + changed_groups_.size() + effects_.size() + 1);
  for (TaskRecord* record : changed_tasks_) {
    record->dirty = false;
    actions.emplace_back(TaskChanged{record->id, record->state});
  }
  for (GroupRecord* record : changed_groups_) {
    record->dirty = false;
    actions.emplace_back(GroupChanged{record->spec.id, record->state});
  }
  std::move(effects_.begin(), effects_.end(), std::back_inserter(actions));
  changed_tasks_.clear();
  changed_groups_.clear();
  effects_.clear();
}

/// When the next time limit is reached, backoff is over, line is recalled or head gets its reservation; 0:
/// none is due.
Time Scheduler::Impl::earliest_due() const {
  Time earliest;
  const auto note = [&earliest](Time due) {
    earliest = earliest && due ? std::min(earliest, due) : std::max(earliest, due);
  };
  note(deadlines_.empty() ? Time{} : deadlines_.begin()->first);
  note(backing_off_.empty() ? Time{} : backing_off_.begin()->first);
  note(lines_.empty() ? Time{} : lines_.begin()->first);
  for (const Head& head : heads_) {
    note(due_of(head));
  }
  return earliest;
}

void Scheduler::Impl::arm(Actions& actions) {
  Time earliest = earliest_due();
  // Lines and heads come and go faster than a timer should be moved: one that is armed looks, and is
  // set anew.
  const bool moves = !lines_.empty() || policy_.reservations.depth > 0;
  if (moves && armed_ > now_ && (!earliest || armed_ < earliest)) {
    earliest = armed_;
  }
  if (earliest != armed_) {
    armed_ = earliest;
    actions.emplace_back(ArmTimer{earliest});
  }
}

void Scheduler::Impl::end_submissions(Actions& actions) {
  // Dropping one may touch those that its edges came from.
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    Submission& submission = *touched_[i];
    submission.maybe_ended = false;
    if (submission.open_tasks == 0 && submission.open_hooks == 0 && submission.foreign_out == 0) {
      actions.emplace_back(SubmissionEnded{submission.id});
      drop(submission);
    }
  }
  touched_.clear();
}

Actions Scheduler::Impl::outstanding() const {
  Actions actions;
  for (const TaskId id : running_) {
    const TaskRecord* record = tables_.tasks.find(id.value);
    if (record->state.behind) {
      continue;  // comes with the one in front
    }
    ask_again(*record, actions);
    for (auto next = followers_.find(id); next != followers_.end();
         next = followers_.find(next->second)) {
      ask_again(*tables_.tasks.find(next->second.value), actions);
    }
  }
  for (const GroupId id : hooking_) {
    actions.emplace_back(hook_of(*tables_.groups.find(id.value)));
  }
  if (const Time earliest = earliest_due()) {
    actions.emplace_back(ArmTimer{earliest});
  }
  return actions;
}

void Scheduler::Impl::ask_again(const TaskRecord& record, Actions& actions) const {
  const TaskState& state = record.state;
  const AttemptId attempt{record.id, state.attempt};
  switch (state.phase) {
    case TaskPhase::starting:
      if (state.recalled && state.behind) {
        actions.emplace_back(RecallAttempt{attempt});
      } else {
        actions.emplace_back(StartAttempt{attempt});
      }
      break;
    case TaskPhase::stopping:
      actions.emplace_back(StopAttempt{attempt});
      break;
    case TaskPhase::start_hook:
      actions.emplace_back(hook_of(record));
      if (state.end_requested) {
        actions.emplace_back(HurryHook{attempt});
      }
      break;
    case TaskPhase::end_hook:
      actions.emplace_back(hook_of(record));
      break;
    case TaskPhase::none:
    case TaskPhase::group_hooks:
    case TaskPhase::process:
      break;
  }
}

Scheduler::Counts Scheduler::Impl::counts() const {
  return {waiting_, running_.size(), queue_.size()};
}

// ---- the public face ------------------------------------------------------------------------------

Scheduler::Scheduler(const Policy& policy) : impl_(std::make_unique<Impl>(policy)) {}
Scheduler::~Scheduler() = default;

void Scheduler::step(Time now, const Event& event, Actions& actions) {
  impl_->step(now, event, actions);
}

std::vector<Problem> Scheduler::check(const Submitted& work) const {
  return impl_->check(work);
}

Actions Scheduler::outstanding() const {
  return impl_->outstanding();
}

bool Scheduler::would_change(Verb verb, TaskId task) const {
  return impl_->would_change(verb, task);
}

const TaskState* Scheduler::state(TaskId task) const {
  const TaskRecord* record = impl_->tables().tasks.find(task.value);
  return record == nullptr ? nullptr : &record->state;
}

const Terms* Scheduler::terms(TaskId task) const {
  const TaskRecord* record = impl_->tables().tasks.find(task.value);
  return record == nullptr ? nullptr : record->terms;
}

const GroupState* Scheduler::state(GroupId group) const {
  const GroupRecord* record = impl_->tables().groups.find(group.value);
  return record == nullptr ? nullptr : &record->state;
}

const GroupSpec* Scheduler::spec(GroupId group) const {
  const GroupRecord* record = impl_->tables().groups.find(group.value);
  return record == nullptr ? nullptr : &record->spec;
}

Reason Scheduler::explain(TaskId task, Time forecast_at) const {
  return impl_->explain(task, forecast_at);
}

bool Scheduler::can_go_on(TaskId task, std::size_t& budget) const {
  return impl_->can_go_on(task, budget);
}

std::uint64_t Scheduler::setbacks() const {
  return impl_->setbacks();
}

Scheduler::Members Scheduler::members(GroupId group) const {
  const GroupRecord* record = impl_->tables().groups.find(group.value);
  return record == nullptr ? Members{} : Members{record->members, record->members - record->open};
}

const std::vector<Host>& Scheduler::hosts() const {
  return impl_->pool().hosts();
}

std::vector<Scheduler::Reserved> Scheduler::reservations() const {
  return impl_->reservations();
}

std::vector<UserShare> Scheduler::shares(Time now) const {
  return impl_->shares(now);
}

Scheduler::Counts Scheduler::counts() const {
  return impl_->counts();
}

void Scheduler::check_invariants() const {
  impl_->check_invariants();
}

}  // namespace cattino::core
