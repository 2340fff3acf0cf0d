// Why a task waits: the first true reason, in the order in which the scheduler looks.
#include <algorithm>

#include "core/impl.h"

namespace cattino::core {
namespace {

constexpr std::size_t most_nodes = 8;

void collect(const Links& links, EdgeStatus status, Reason& reason) {
  for (const EdgeRecord* edge = links.in; edge != nullptr; edge = edge->next_in) {
    if (edge->status != status) {
      continue;
    }
    ++reason.count;
    if (reason.nodes.size() < most_nodes) {
      reason.nodes.push_back(edge->from.node());
    }
  }
}

/// Prerequisites of the task and of the groups around it that are in the given status.
void collect(const Tables& tables, NodeRef node, EdgeStatus status, Reason& reason) {
  for (; node; node = tables.parent(node)) {
    collect(tables.links(node), status, reason);
  }
}

}  // namespace

Reason Scheduler::Impl::explain(TaskId task) const {
  Reason reason;
  const TaskRecord* record = tables_.tasks.find(task.value);
  if (record == nullptr || record->state.status != TaskStatus::waiting) {
    return reason;
  }
  const NodeRef node = NodeRef::of(task);
  if (record->state.held) {
    reason.kind = record->state.cause == Cause::lost ? Reason::Kind::lost : Reason::Kind::held;
    return reason;
  }
  if (tables_.dead_source(node)) {
    reason.kind = Reason::Kind::dependency_failed;
    collect(tables_, node, EdgeStatus::dead, reason);
    return reason;
  }
  if (record->links.pending > 0) {
    reason.kind = Reason::Kind::dependencies;
    collect(tables_, node, EdgeStatus::pending, reason);
    return reason;
  }
  if (record->state.not_before > now_) {
    reason.kind = Reason::Kind::backoff;
    reason.until = record->state.not_before;
    return reason;
  }
  if (paused_) {
    reason.kind = Reason::Kind::paused;
    return reason;
  }
  return pool_.explain(record->spec.request);
}

}  // namespace cattino::core
