// Why a task waits: the first true reason, in the order in which the scheduler looks.
#include <algorithm>

#include "core/impl.h"
#include "core/planted.h"

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

Reason Scheduler::Impl::explain(TaskId task, Time forecast_at) const {
  const TaskRecord* record = tables_.tasks.find(task.value);
  if (record == nullptr || record->state.status != TaskStatus::waiting) {
    return {};
  }
  Reason reason = explain_waiting(*record);
  if (forecast_at && record->bucket == TaskRecord::Bucket::ready && !paused_ &&
      throttle_of(*record) == nullptr) {
    note_start(*record, std::max(forecast_at, now_), reason);
  }
  return reason;
}

Reason Scheduler::Impl::explain_waiting(const TaskRecord& record) const {
  Reason reason;
  const NodeRef node = NodeRef::of(record.id);
  const TaskState& state = record.state;
  if (state.held) {
    reason.kind = state.cause == Cause::lost ? Reason::Kind::lost : Reason::Kind::held;
    return reason;
  }
  if (tables_.dead_source(node)) {
    reason.kind = Reason::Kind::dependency_failed;
    collect(tables_, node, EdgeStatus::dead, reason);
    return reason;
  }
  if (record.links.pending > 0 && !planted(Fault::false_reason)) {
    reason.kind = Reason::Kind::dependencies;
    collect(tables_, node, EdgeStatus::pending, reason);
    return reason;
  }
  if (state.not_before > now_) {
    reason.kind = state.attempt == 0 ? Reason::Kind::not_before : Reason::Kind::backoff;
    reason.until = state.not_before;
    return reason;
  }
  if (paused_) {
    reason.kind = Reason::Kind::paused;
    return reason;
  }
  if (const GroupRecord* group = throttle_of(record); group != nullptr) {
    reason.kind = group->state.paused ? Reason::Kind::paused : Reason::Kind::parallel;
    reason.nodes.push_back(Node::of(group->spec.id));
    reason.count = group->spec.max_parallel;
    return reason;
  }
  return explain_ready(record);
}

/// It waits for resources: what is short, or whose turn comes first.
Reason Scheduler::Impl::explain_ready(const TaskRecord& record) const {
  Reason reason = pool_.explain(record.shape->key.request);
  if (reason.kind == Reason::Kind::next && must_wait_for_head(record)) {
    reason.kind = Reason::Kind::behind;
    reason.nodes.push_back(Node::of(heads_[0].task));
  } else if (reason.kind == Reason::Kind::next && !place_now(record).has_value()) {
    const Pool::Reserved reserved = reserved_before(record);
    reason.kind = Reason::Kind::reserved;
    reason.nodes.push_back(Node::of(reserved.back()->task));
    reason.until = describe(*reserved.back()).shadow;
  }
  if (const Head* own = head_of(record.id); own != nullptr) {
    note_reservation(*own, reason);
  }
  return reason;
}

Scheduler::Reserved Scheduler::Impl::describe(const Reservation& reservation) const {
  const HostUse& use = *pool_.use_of(reservation.host);
  Reserved reserved{reservation.task, reservation.host, reservation.allocation.devices, 0, {}};
  reserved.shadow = reservation.shadow ? std::max(reservation.shadow, now_) : Time{};
  for (const std::uint16_t device : reserved.devices) {
    const bool held = device < use.devices.size() && !use.devices[device].holders.empty();
    if (!held) {
      ++reserved.idle;
    }
  }
  return reserved;
}

std::vector<Scheduler::Reserved> Scheduler::Impl::reservations() const {
  std::vector<Reserved> all;
  for (const Head& head : heads_) {
    if (head.reservation.has_value()) {
      all.push_back(describe(*head.reservation));
    }
  }
  return all;
}

void Scheduler::Impl::note_who_makes_room(Reason& reason) const {
  for (const TaskId id : running_) {
    const TaskState& state = tables_.tasks.find(id.value)->state;
    if (state.end_requested && state.cause == Cause::preempted) {
      reason.kind = Reason::Kind::making_room;
      reason.nodes.push_back(Node::of(id));
    }
  }
  reason.count = reason.nodes.size();
}

void Scheduler::Impl::note_reservation(const Head& head, Reason& reason) const {
  if (head.making_room) {
    note_who_makes_room(reason);
  }
  if (head.reservation.has_value()) {
    const Reserved reserved = describe(*head.reservation);
    reason.holding = reserved.devices;
    reason.idle = reserved.idle;
  }
}

}  // namespace cattino::core
