// Groups that limit how many of their tasks run at once, or are paused.
//
// Tasks behind one and the same such group and with the same request are one shape, so that a group
// that is full costs one look, however many wait in it.
#include "core/impl.h"
#include "core/planted.h"

namespace cattino::core {

ShapeKey Scheduler::Impl::shape_of(const TaskRecord& record) const {
  ShapeKey key;
  key.request = record.terms->request;
  if (record.state.raised > 0) {
    const bool ram = raises_ram(key.request);
    (ram ? key.request.ram.value : key.request.memory.value) = record.state.raised;
  }
  for (const GroupRecord* group = tables_.find(record.group); group != nullptr && !key.throttle;
       group = tables_.find(group->spec.parent)) {
    const bool throttles = group->spec.max_parallel > 0 || group->state.paused;
    key.throttle = throttles ? group->spec.id : GroupId{};
  }
  key.user = policy_.shares.fair ? record.terms->user : UserId{};
  return key;
}

/// Its request or the groups that throttle it have changed.
void Scheduler::Impl::reshape(TaskRecord& record) {
  ShapeKey key = shape_of(record);
  if (record.shape->key == key) {
    return;
  }
  const bool queued = record.bucket == TaskRecord::Bucket::ready;
  if (queued) {
    queue_.erase(*record.shape, key_of(record));
    drop_head(record);
  }
  queue_.leave(*record.shape);
  record.shape = &queue_.join(key);
  if (queued) {
    queue_.insert(*record.shape, key_of(record));
  }
}

void Scheduler::Impl::on(const Paused& event) {
  if (!event.group) {
    paused_ = event.paused;
    queue_.reopen_all();
    return;
  }
  GroupRecord* group = tables_.groups.find(event.group.value);
  if (group == nullptr || group->state.paused == event.paused) {
    return;
  }
  group->state.paused = event.paused;
  mark(*group);
  on_group_paused(*group, event.paused);
}

void Scheduler::Impl::on_group_paused(GroupRecord& group, bool paused) {
  tables_.for_each_inside(group, [this](NodeRef node) {
    // What runs, or has ended, is looked at when it waits again.
    if (!node.is_group() && tables_.task(node).state.status == TaskStatus::waiting) {
      reshape(tables_.task(node));
    }
  });
  if (paused) {
    recall_all();
  }
  reopen_throttled();
}

/// The innermost group that keeps the task from starting now; null if none does.
const GroupRecord* Scheduler::Impl::throttle_of(const TaskRecord& record) const {
  for (const GroupRecord* group = tables_.find(record.shape->key.throttle); group != nullptr;
       group = tables_.find(group->spec.parent)) {
    const bool full = !planted(Fault::ignored_limit) && group->spec.max_parallel > 0 &&
                      group->running >= group->spec.max_parallel;
    if (full || group->state.paused) {
      return group;
    }
  }
  return nullptr;
}

/// The task has begun to run, or does not any more.
void Scheduler::Impl::count_running(const TaskRecord& record, bool more) {
  if (!record.shape->key.throttle) {
    return;
  }
  // Somebody may have room now, or none any more: in a group that is full but for places kept for heads.
  bool changes = false;
  for (GroupRecord* group = tables_.find(record.group); group != nullptr;
       group = tables_.find(group->spec.parent)) {
    if (const std::uint64_t most = group->spec.max_parallel; most > 0) {
      group->running += more ? 1U : 0U;
      changes = changes || group->running + policy_.reservations.depth >= most;
      group->running -= more ? 0U : 1U;
    }
  }
  if (changes) {
    reopen_throttled();
  }
}

/// Also those that are closed for want of room: they may wait for their group now.
void Scheduler::Impl::reopen_throttled() {
  queue_.reopen_if([](const Shape& shape) { return static_cast<bool>(shape.key.throttle); });
}

}  // namespace cattino::core
