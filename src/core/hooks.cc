// on_start and on_end, of tasks and groups.
//
// A group goes through rounds: idle (or ended, or start_failed) ─▶ start_hook ─▶ started ─▶ end_hook ─▶
// ended. A round begins with the first attempt admitted inside the group and is over when no member
// waits or runs. on_end runs whenever on_start did, also if that raised. A group without hooks stays
// idle. The group node ends after its on_end, so successors of a group, and the on_end of the group
// around it, come after.
#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "core/impl.h"

namespace cattino::core {

/// Takes an admitted attempt as far as it can go: through the groups around it, outermost first, its
/// own on_start, its process.
void Scheduler::Impl::advance(TaskRecord& record) {
  for (GroupRecord* group : tables_.groups_around(record)) {
    const Hooks hooks = group->spec.hooks;
    const GroupPhase phase = group->state.phase;
    if (phase == GroupPhase::started || (!hooks.on_start && !hooks.on_end)) {
      continue;
    }
    const bool busy = phase == GroupPhase::start_hook || phase == GroupPhase::end_hook;
    if (!busy && !hooks.on_start) {
      set_phase(*group, GroupPhase::started);
      continue;
    }
    if (!busy) {
      run_group_hook(*group, HookKind::on_start);
    }
    group->waiters.insert(record.id);
    return;
  }
  if (record.terms->hooks.on_start) {
    mark(record);
    record.state.phase = TaskPhase::start_hook;
    effects_.emplace_back(hook_of(record));
    return;
  }
  start_process(record);
}

/// Devices are free. Only for attempts whose on_start ran, or that got past where it would have.
void Scheduler::Impl::run_end_hook_or_finish(TaskRecord& record) {
  if (!record.terms->hooks.on_end) {
    finish(record);
    return;
  }
  mark(record);
  record.state.phase = TaskPhase::end_hook;
  effects_.emplace_back(hook_of(record));
}

/// The hook that the phase of the task is for.
RunHook Scheduler::Impl::hook_of(const TaskRecord& record) const {
  RunHook call{Node::of(record.id), HookKind::on_start, record.state.attempt};
  if (record.state.phase == TaskPhase::end_hook) {
    const Sequel next = sequel_of(record);
    call.hook = HookKind::on_end;
    call.shown = next.status;
    call.again = next.runs_again();
    call.failed = next.status == TaskStatus::failed;
  }
  return call;
}

RunHook Scheduler::Impl::hook_of(const GroupRecord& record) const {
  RunHook call{Node::of(record.spec.id)};
  if (record.state.phase != GroupPhase::end_hook) {
    return call;
  }
  call.hook = HookKind::on_end;
  std::set<TaskStatus> seen;
  tables_.for_each_inside(record, [&](NodeRef node) {
    if (!node.is_group()) {
      seen.insert(tables_.task(node).state.status);
    }
  });
  call.shown = seen.size() == 1 ? std::optional(*seen.begin()) : std::nullopt;
  call.failed = seen.contains(TaskStatus::failed);
  return call;
}

void Scheduler::Impl::run_group_hook(GroupRecord& record, HookKind hook) {
  set_phase(record, hook == HookKind::on_start ? GroupPhase::start_hook : GroupPhase::end_hook);
  effects_.emplace_back(hook_of(record));
}

void Scheduler::Impl::set_phase(GroupRecord& record, GroupPhase phase) {
  mark(record);
  const auto runs_hook = [](GroupPhase which) {
    return which == GroupPhase::start_hook || which == GroupPhase::end_hook;
  };
  if (runs_hook(record.state.phase)) {
    hooking_.erase(record.spec.id);
    --record.submission->open_hooks;
  }
  if (runs_hook(phase)) {
    hooking_.insert(record.spec.id);
    ++record.submission->open_hooks;
  }
  record.state.phase = phase;
  record.state.ended = phase == GroupPhase::ended ? now_ : Time{};
  touch(*record.submission);
}

void Scheduler::Impl::on(const HookEnded& event) {
  if (event.owner.kind == Node::Kind::task) {
    if (TaskRecord* record = current({TaskId{event.owner.id}, event.attempt}); record != nullptr) {
      on_task_hook(*record, event);
    }
  } else if (event.owner.kind == Node::Kind::group) {
    if (GroupRecord* record = tables_.groups.find(event.owner.id); record != nullptr) {
      on_group_hook(*record, event);
    }
  }
}

void Scheduler::Impl::on(const HooksReset& event) {
  TaskRecord* record = tables_.tasks.find(event.task.value);
  if (record == nullptr || has_ended(record->state.status) || record->state.hooks_reset ||
      !have_hooks_run(*record)) {
    return;
  }
  mark(*record);
  record->state.hooks_reset = true;
}

/// Its own, or of groups whose round it is in: they may have left something for later ones.
bool Scheduler::Impl::have_hooks_run(const TaskRecord& record) {
  const Hooks hooks = record.terms->hooks;
  const std::uint32_t attempt = record.state.attempt;
  if (attempt == 0) {
    return false;
  }
  if (hooks.on_start || (hooks.on_end && attempt > 1)) {
    return true;
  }
  const std::vector<GroupRecord*> around = tables_.groups_around(record);
  return std::any_of(around.begin(), around.end(), [](const GroupRecord* group) {
    return group->spec.hooks.on_start && is_in_round(group->state.phase);
  });
}

void Scheduler::Impl::on_task_hook(TaskRecord& record, const HookEnded& event) {
  TaskState& state = record.state;
  if (event.hook == HookKind::on_end) {
    if (state.phase == TaskPhase::end_hook) {
      finish(record);
    }
    return;
  }
  if (state.phase != TaskPhase::start_hook) {
    return;
  }
  if (!state.end_requested && event.ok) {
    start_process(record);
    return;
  }
  if (!state.end_requested) {
    state.cause = Cause::hook_failed;
    release(record);
  }
  run_end_hook_or_finish(record);
}

void Scheduler::Impl::on_group_hook(GroupRecord& record, const HookEnded& event) {
  const GroupPhase expected =
      event.hook == HookKind::on_start ? GroupPhase::start_hook : GroupPhase::end_hook;
  if (record.state.phase != expected) {
    return;
  }
  const std::set<TaskId> waiters = std::exchange(record.waiters, {});
  if (event.hook == HookKind::on_start && !event.ok) {
    set_phase(record, GroupPhase::start_failed);
    fail_inside(record, waiters);
  } else {
    const bool starts = event.hook == HookKind::on_start;
    set_phase(record, starts ? GroupPhase::started : GroupPhase::ended);
    for (const TaskId waiter : waiters) {
      advance(*tables_.tasks.find(waiter.value));
    }
  }
  settle(record);
}

/// on_start of the group raised: nothing inside can run. What is held for the user stays held.
void Scheduler::Impl::fail_inside(GroupRecord& record, const std::set<TaskId>& waiters) {
  const Node group = Node::of(record.spec.id);
  const auto fail = [this, group](TaskRecord& task) {
    task.state.cause_node = group;
    end(task, TaskStatus::failed, Cause::hook_failed);
  };
  for (const TaskId waiter : waiters) {
    TaskRecord& task = *tables_.tasks.find(waiter.value);
    release(task);
    fail(task);
  }
  tables_.for_each_inside(record, [this, &fail](NodeRef node) {
    if (node.is_group()) {
      return;
    }
    TaskRecord& task = tables_.task(node);
    if (task.state.status == TaskStatus::waiting && !task.state.held) {
      fail(task);
    }
  });
}

}  // namespace cattino::core
