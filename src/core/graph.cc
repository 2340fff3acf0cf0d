// Ends and their undoing, carried along edges and groups.
//
// A group is the join node of its members: it has ended when all of them have (and its on_end is
// over), ok if all ended Done; an empty one as soon as its own prerequisites are satisfied. A group
// whose own prerequisites are open is *gated*: that is one more thing before each of its members.
#include <algorithm>

#include "base/check.h"
#include "core/impl.h"
#include "core/planted.h"

namespace cattino::core {

void Scheduler::Impl::drain() {
  for (std::size_t i = 0; i < work_.size(); ++i) {
    const Op op = work_[i];
    switch (op.kind) {
      case Op::Kind::ended:
        carry_end(op.node, op.at);
        break;
      case Op::Kind::unended:
        carry_unend(op.node, op.was_ok);
        break;
      case Op::Kind::unblock:
        unblock(op.node, op.at);
        break;
      case Op::Kind::block:
        block(op.node);
        break;
      case Op::Kind::died:
        died(op.node, op.cause);
        break;
      case Op::Kind::revived:
        revived(op.node, op.cause);
        break;
    }
  }
  work_.clear();
}

void Scheduler::Impl::carry_end(NodeRef node, Time at) {
  const bool ok = tables_.ended_ok(node);
  for (EdgeRecord* edge = tables_.links(node).out; edge != nullptr; edge = edge->next_out) {
    if (edge->status != EdgeStatus::pending) {
      continue;
    }
    if (satisfies(edge->when, ok)) {
      edge->status = EdgeStatus::satisfied;
      work_.push_back({Op::Kind::unblock, edge->to, {}, false, at});
    } else {
      edge->status = EdgeStatus::dead;
      ++tables_.links(edge->to).dead;
      ++setbacks_;
      work_.push_back({Op::Kind::died, edge->to, node, false});
    }
  }
  const NodeRef parent = tables_.parent(node);
  if (!parent) {
    return;
  }
  GroupRecord& group = tables_.group(parent);
  CHECK(group.open > 0);
  --group.open;
  group.not_done += ok ? 0U : 1U;
  group.last_end = std::max(group.last_end, at);
  settle(group);
}

void Scheduler::Impl::carry_unend(NodeRef node, bool was_ok) {
  for (EdgeRecord* edge = tables_.links(node).out; edge != nullptr; edge = edge->next_out) {
    const EdgeStatus before = edge->status;
    edge->status = EdgeStatus::pending;
    if (before == EdgeStatus::satisfied) {
      work_.push_back({Op::Kind::block, edge->to, {}, false});
    } else if (before == EdgeStatus::dead) {
      --tables_.links(edge->to).dead;
      work_.push_back({Op::Kind::revived, edge->to, node, false});
    }
  }
  if (const NodeRef parent = tables_.parent(node); parent) {
    GroupRecord& group = tables_.group(parent);
    ++group.open;
    group.not_done -= was_ok ? 0U : 1U;
    if (group.ended) {
      group.ended = false;
      work_.push_back({Op::Kind::unended, parent, {}, group.ok});
    }
  }
}

/// A task has been queued since the last of what stood before it was gone.
void Scheduler::Impl::unblock(NodeRef node, Time at) {
  Links& links = tables_.links(node);
  CHECK(links.pending > 0);
  --links.pending;
  links.pending -= planted(Fault::eager_start) && links.pending == 1 ? 1U : 0U;
  if (!node.is_group()) {
    TaskRecord& record = tables_.task(node);
    if (record.bucket == TaskRecord::Bucket::none && !has_ended(record.state.status)) {
      record.state.queued = std::max(record.state.queued, at);
    }
    refresh(record);
    return;
  }
  GroupRecord& group = tables_.group(node);
  group.opened = std::max(group.opened, at);
  if (links.pending > 0) {
    return;
  }
  for (NodeRef member = group.first_member; member; member = tables_.next_member(member)) {
    work_.push_back({Op::Kind::unblock, member, {}, false, group.opened});
  }
  settle(group);
}

void Scheduler::Impl::block(NodeRef node) {
  Links& links = tables_.links(node);
  if (++links.pending > 1) {
    return;
  }
  if (!node.is_group()) {
    refresh(tables_.task(node));
    return;
  }
  GroupRecord& group = tables_.group(node);
  for (NodeRef member = group.first_member; member; member = tables_.next_member(member)) {
    work_.push_back({Op::Kind::block, member, {}, false});
  }
  reopen_if_empty(group);
}

/// Everything in the node is cancelled, unless it is to be kept waiting.
void Scheduler::Impl::died(NodeRef node, NodeRef cause) {
  if (!node.is_group()) {
    cancel_for(tables_.task(node), cause);
    return;
  }
  GroupRecord& group = tables_.group(node);
  tables_.for_each_inside(group, [this, cause](NodeRef inside) {
    if (inside.is_group()) {
      settle(tables_.group(inside));
    } else {
      cancel_for(tables_.task(inside), cause);
    }
  });
  settle(group);
}

void Scheduler::Impl::revived(NodeRef node, NodeRef cause) {
  if (!node.is_group()) {
    revive(tables_.task(node), cause);
    return;
  }
  GroupRecord& group = tables_.group(node);
  tables_.for_each_inside(group, [this, cause](NodeRef inside) {
    if (inside.is_group()) {
      reopen_if_empty(tables_.group(inside));
    } else {
      revive(tables_.task(inside), cause);
    }
  });
  reopen_if_empty(group);
}

void Scheduler::Impl::cancel_for(TaskRecord& record, NodeRef cause) {
  const TaskState& state = record.state;
  if (quiet_ || state.status != TaskStatus::waiting || state.held || !record.terms->cascade) {
    return;
  }
  record.state.cause_node = cause.node();
  end(record, TaskStatus::cancelled, Cause::dependency);
}

/// Undoes cancel_for. If the task could still never run because of something else, that becomes the
/// cause: it comes back with that one.
void Scheduler::Impl::revive(TaskRecord& record, NodeRef cause) {
  TaskState& state = record.state;
  if (state.status != TaskStatus::cancelled || state.cause != Cause::dependency ||
      state.cause_node != cause.node()) {
    return;
  }
  const NodeRef other = tables_.dead_source(NodeRef::of(record.id));
  if (other && record.terms->cascade) {
    mark(record);
    state.cause_node = other.node();
    return;
  }
  make_waiting(record);
  state.requeues = 0;
  state.retries = 0;
  reshape(record);
  refresh(record);
}

/// An empty group ends by its prerequisites alone, so it un-ends by them too.
void Scheduler::Impl::reopen_if_empty(GroupRecord& record) {
  const NodeRef node = NodeRef::of(record.spec.id);
  if (record.members > 0 || !record.ended || record.links.pending == 0 ||
      tables_.dead_source(node)) {
    return;
  }
  record.ended = false;
  work_.push_back({Op::Kind::unended, node, {}, record.ok});
}

/// Ends the group if all that is in it has ended, after its on_end.
void Scheduler::Impl::settle(GroupRecord& record) {
  if (record.ended || record.open > 0) {
    return;
  }
  const NodeRef node = NodeRef::of(record.spec.id);
  const bool gated = record.links.pending > 0;
  if (record.members == 0 && gated && !tables_.dead_source(node)) {
    return;
  }
  switch (record.state.phase) {
    case GroupPhase::start_hook:
    case GroupPhase::end_hook:
      return;
    case GroupPhase::started:
    case GroupPhase::start_failed:
      if (quiet_) {
        break;
      }
      if (record.spec.hooks.on_end) {
        run_group_hook(record, HookKind::on_end);
        return;
      }
      if (record.state.phase == GroupPhase::started) {
        set_phase(record, GroupPhase::ended);
      }
      break;
    case GroupPhase::idle:
    case GroupPhase::ended:
      break;
  }
  record.ended = true;
  record.ok = record.not_done == 0 && !(record.members == 0 && gated);
  work_.push_back({Op::Kind::ended, node, {}, false, tables_.ended_at(node)});
}

}  // namespace cattino::core
