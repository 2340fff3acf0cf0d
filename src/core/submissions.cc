// Work comes in, is restored, and leaves.
#include <algorithm>

#include "base/check.h"
#include "core/impl.h"

namespace cattino::core {
namespace {

using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

void add_to(Ranges& ranges, std::uint64_t id) {
  if (!ranges.empty() && ranges.back().second + 1 == id) {
    ranges.back().second = id;
  } else {
    ranges.emplace_back(id, id);
  }
}

template <class Visit>
void for_each_id(const Ranges& ranges, Visit visit) {
  for (const auto& [first, last] : ranges) {
    for (std::uint64_t id = first; id <= last; ++id) {
      visit(id);
    }
  }
}

}  // namespace

void Scheduler::Impl::on(const Submitted& event) {
  if (tables_.submissions.find(event.id) != tables_.submissions.end()) {
    return;
  }
  Submission& submission = add(event);
  settle_new(submission, event);
  touch(submission);
}

/// The same graph, then the states as they were. Ends are carried along the edges as ever, but while
/// `quiet_` nothing follows from them.
void Scheduler::Impl::on(const Restored& event) {
  CHECK(event.tasks.size() == event.work.tasks.size());
  CHECK(event.groups.size() == event.work.groups.size());
  if (tables_.submissions.find(event.work.id) != tables_.submissions.end()) {
    return;  // it is here already: reports may repeat
  }
  Submission& submission = add(event.work);
  for (std::size_t i = 0; i < event.groups.size(); ++i) {
    GroupRecord& record = *tables_.groups.find(event.work.groups[i].id.value);
    set_phase(record, event.groups[i].phase);
    record.state = event.groups[i];
  }
  for (std::size_t i = 0; i < event.tasks.size(); ++i) {
    TaskRecord& record = *tables_.tasks.find(event.work.tasks[i].id.value);
    const TaskState& state = event.tasks[i];
    set_status(record, state.status);
    record.state = state;
    reshape(record);  // its groups may be paused
    if (record.state.reserved > 0) {
      dropped_heads_.push_back(record.id);  // unless it becomes one again
    }
    if (has_ended(state.status)) {
      work_.push_back({Op::Kind::ended, NodeRef::of(record.id), {}, false, state.ended});
    } else if (state.status == TaskStatus::running) {
      restore_running(record);
    }
  }
  settle_new(submission, event.work);
  restore_lines();
}

void Scheduler::Impl::restore_running(TaskRecord& record) {
  if (record.state.behind) {
    followers_[record.state.behind] = record.id;
    return;
  }
  if (holds_resources(record.state)) {
    take(record);
  }
  if (record.state.phase != TaskPhase::group_hooks) {
    return;
  }
  for (GroupRecord* group : tables_.groups_around(record)) {
    const GroupPhase phase = group->state.phase;
    if (phase == GroupPhase::start_hook || phase == GroupPhase::end_hook) {
      group->waiters.insert(record.id);
      return;
    }
  }
}

Submission& Scheduler::Impl::add(const Submitted& work) {
  CHECK(tables_.submissions.find(work.id) == tables_.submissions.end());
  Submission& submission = tables_.submissions[work.id];
  submission.id = work.id;
  add_groups(submission, work);
  add_tasks(submission, work);
  add_edges(submission, work);
  close_gates(work);
  rank(work);
  return submission;
}

void Scheduler::Impl::add_groups(Submission& submission, const Submitted& work) {
  for (const GroupSpec& spec : work.groups) {
    GroupRecord& record = tables_.groups.create(spec.id.value);
    record.spec = spec;
    record.submission = &submission;
    add_to(submission.groups, spec.id.value);
    if (spec.parent) {
      add_member(spec.parent, NodeRef::of(spec.id));
    }
  }
}

void Scheduler::Impl::add_tasks(Submission& submission, const Submitted& work) {
  for (const TaskSpec& spec : work.tasks) {
    TaskRecord& record = tables_.tasks.create(spec.id.value);
    record.id = spec.id;
    record.group = spec.group;
    record.created = spec.created;
    record.terms = tables_.terms.join(spec);
    record.submission = &submission;
    shares_.know(spec.user, now_);
    record.state = first_state(spec);
    setbacks_ += spec.held ? 1U : 0U;
    record.shape = &queue_.join(shape_of(record));
    add_to(submission.tasks, spec.id.value);
    if (spec.group) {
      add_member(spec.group, NodeRef::of(spec.id));
    }
  }
  waiting_ += work.tasks.size();
  submission.open_tasks = work.tasks.size();
}

void Scheduler::Impl::add_member(GroupId group, NodeRef member) {
  GroupRecord* record = tables_.groups.find(group.value);
  CHECK(record != nullptr);
  if (!record->last_member) {
    record->first_member = member;
  } else if (record->last_member.is_group()) {
    tables_.group(record->last_member).next_member = member;
  } else {
    tables_.task(record->last_member).next_member = member;
  }
  record->last_member = member;
  ++record->members;
  ++record->open;
}

/// An edge may come from a submission that is in the core already, and must lead into this one. What
/// has left the core holds nobody back.
void Scheduler::Impl::add_edges(Submission& submission, const Submitted& work) {
  submission.edges = std::make_unique<EdgeRecord[]>(work.edges.size());  // NOLINT
  submission.edge_count = work.edges.size();
  // Backwards, because each goes to the front of its lists.
  for (std::size_t i = work.edges.size(); i-- > 0;) {
    EdgeRecord& edge = submission.edges[i];
    edge.from = NodeRef::of(work.edges[i].from);
    edge.to = NodeRef::of(work.edges[i].to);
    edge.when = work.edges[i].when;
    if (!tables_.holds(edge.from) || !tables_.holds(edge.to) ||
        tables_.submission_of(edge.to) != &submission) {
      continue;
    }
    edge.linked = true;
    Links& from = tables_.links(edge.from);
    edge.next_out = from.out;
    from.out = &edge;
    Links& to = tables_.links(edge.to);
    edge.next_in = to.in;
    to.in = &edge;
    ++to.pending;
    if (Submission* other = tables_.submission_of(edge.from); other != &submission) {
      ++other->foreign_out;
    }
  }
}

void Scheduler::Impl::close_gates(const Submitted& work) {
  // Parents come before children, so a gate is counted before it is looked at further in.
  for (const GroupSpec& spec : work.groups) {
    const GroupRecord& group = *tables_.groups.find(spec.id.value);
    if (group.links.pending == 0) {
      continue;
    }
    for (NodeRef member = group.first_member; member; member = tables_.next_member(member)) {
      ++tables_.links(member).pending;
    }
  }
}

/// Edges from what had ended before, groups with nothing in them, and tasks with nothing before them.
void Scheduler::Impl::settle_new(Submission& submission, const Submitted& work) {
  for (std::size_t i = 0; i < submission.edge_count; ++i) {
    EdgeRecord& edge = submission.edges[i];
    if (!edge.linked || tables_.submission_of(edge.from) == &submission ||
        !tables_.ended(edge.from)) {
      continue;
    }
    const Time at = quiet_ ? tables_.ended_at(edge.from) : now_;
    if (satisfies(edge.when, tables_.ended_ok(edge.from))) {
      edge.status = EdgeStatus::satisfied;
      work_.push_back({Op::Kind::unblock, edge.to, {}, false, at});
    } else {
      edge.status = EdgeStatus::dead;
      ++tables_.links(edge.to).dead;
      ++setbacks_;
      work_.push_back({Op::Kind::died, edge.to, edge.from, false});
    }
  }
  for (const GroupSpec& spec : work.groups) {
    settle(*tables_.groups.find(spec.id.value));
  }
  for (const TaskSpec& spec : work.tasks) {
    refresh(*tables_.tasks.find(spec.id.value));
  }
}

void Scheduler::Impl::drop(Submission& submission) {
  for (std::size_t i = 0; i < submission.edge_count; ++i) {
    EdgeRecord& edge = submission.edges[i];
    Submission* other = edge.linked ? tables_.submission_of(edge.from) : &submission;
    if (other == &submission) {
      continue;
    }
    EdgeRecord** link = &tables_.links(edge.from).out;
    while (*link != &edge) {
      link = &(*link)->next_out;
    }
    *link = edge.next_out;
    --other->foreign_out;
    touch(*other);
  }
  for_each_id(submission.tasks, [this](std::uint64_t id) {
    const TaskRecord& record = *tables_.tasks.find(id);
    queue_.leave(*record.shape);
    tables_.terms.leave(record.terms);
    tables_.tasks.erase(id);
  });
  for_each_id(submission.groups, [this](std::uint64_t id) { tables_.groups.erase(id); });
  const SubmissionId id = submission.id;
  tables_.submissions.erase(id);
}

}  // namespace cattino::core
