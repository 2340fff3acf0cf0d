// Who starts now.
//
// Ready tasks are taken in order; each that fits starts. The first that does not fit is the *head*. Those
// after it may start too, but once the head has a reservation only where that cannot delay it: on nothing
// of what it is to have, or ending, by their own time limits, before the shadow time at which it is to have
// it (EASY backfill). Before the head, in the order, nobody looks at reservations.
//
//   a head waits ──▶ room is made for it, if attempts that may be stopped have what it needs
//               └──▶ it has a reservation: at once if all that runs has a time limit; else after a while
//
// A reservation is looked at again whenever something has changed; it stays on its host unless another
// one is better. While no shadow time is known it keeps what is free already, so that what it lacks only
// gets less.
#include <algorithm>

#include "base/check.h"
#include "core/impl.h"

namespace cattino::core {

void Scheduler::Impl::place() {
  if (paused_) {
    return;
  }
  if (policy_.shares.fair) {
    queue_.order_users(shares_.order(now_));
  }
  tend_heads();
  while (const ReadyKey* first = queue_.first()) {
    TaskRecord& record = *tables_.tasks.find(first->task.value);
    if (throttle_of(record) != nullptr) {
      queue_.close_first(Shape::Obstacle::throttle);
      continue;
    }
    const Pool::Reserved reserved = reserved_before(record);
    const bool blocked = !policy_.reservations.backfill && !heads_.empty() &&
                         !is_before(record, *tables_.tasks.find(heads_[0].task.value));
    const std::optional<Allocation> allocation =
        blocked ? std::nullopt : pool_.place(record.shape->key.request, reserved, now_);
    if (allocation.has_value()) {
      admit(record, *allocation);
      tend_heads();
    } else {
      queue_.close_first(Shape::Obstacle::room);
      note_head(record);
    }
  }
  if (heads_.size() < policy_.reservations.depth) {
    for (const TaskId task : queue_.closed_for_room(policy_.reservations.depth)) {
      note_head(*tables_.tasks.find(task.value));
    }
  }
}

bool Scheduler::Impl::is_before(const TaskRecord& a, const TaskRecord& b) const {
  return queue_.comes_before(a.shape->key.user, key_of(a), b.shape->key.user, key_of(b));
}

Pool::Reserved Scheduler::Impl::reserved_before(const TaskRecord& record) const {
  Pool::Reserved reserved;
  for (const Head& head : heads_) {
    if (head.task == record.id || !is_before(*tables_.tasks.find(head.task.value), record)) {
      break;
    }
    if (head.reservation.has_value()) {
      reserved.push_back(&*head.reservation);
    }
  }
  return reserved;
}

const Scheduler::Impl::Head* Scheduler::Impl::head_of(TaskId task) const {
  const auto found = std::find_if(heads_.begin(), heads_.end(), [task](const Head& head) {
    return head.task == task;
  });
  return found == heads_.end() ? nullptr : &*found;
}

// ---- heads come and go ------------------------------------------------------------------------------

/// The task does not fit: it is a head, if it comes before one, or there are not enough yet.
void Scheduler::Impl::note_head(const TaskRecord& record) {
  if (head_of(record.id) != nullptr) {
    return;
  }
  const auto at = std::find_if(heads_.begin(), heads_.end(), [this, &record](const Head& head) {
    return is_before(record, *tables_.tasks.find(head.task.value));
  });
  const auto place = static_cast<std::size_t>(at - heads_.begin());
  if (place >= policy_.reservations.depth) {
    return;
  }
  heads_.insert(at, Head{.task = record.id});
  const bool too_many = heads_.size() > policy_.reservations.depth;
  const bool frees = too_many && heads_.back().reservation.has_value();
  if (too_many) {
    heads_.pop_back();
  }
  tend(heads_[place]);
  if (frees) {
    queue_.reopen_all();
  }
}

/// It does not wait for room any more. What was kept for it others may have.
void Scheduler::Impl::drop_head(const TaskRecord& record) {
  const auto found = std::find_if(heads_.begin(), heads_.end(), [&record](const Head& head) {
    return head.task == record.id;
  });
  if (found == heads_.end()) {
    return;
  }
  const bool frees = found->reservation.has_value() || !policy_.reservations.backfill;
  heads_.erase(found);
  if (frees) {
    queue_.reopen_all();
  }
}

/// At the beginning of each round: what has changed for them.
void Scheduler::Impl::tend_heads() {
  if (policy_.shares.fair && heads_.size() > 1) {
    std::stable_sort(heads_.begin(), heads_.end(), [this](const Head& a, const Head& b) {
      return is_before(*tables_.tasks.find(a.task.value), *tables_.tasks.find(b.task.value));
    });
  }
  for (Head& head : heads_) {
    tend(head);
  }
}

void Scheduler::Impl::tend(Head& head) {
  const TaskRecord& record = *tables_.tasks.find(head.task.value);
  if (head.version != pool_.version()) {
    head.looked = false;
    head.version = pool_.version();
    make_room(head);
  }
  const bool waited = record.state.queued + policy_.reservations.after <= now_;
  const bool wanted =
      head.reservation.has_value() || head.making_room || waited || pool_.all_limited();
  if (wanted && !head.looked) {
    look_ahead(head);
    head.looked = true;
  }
}

/// When it is to have a reservation at the latest; 0: that time has come, or it has one.
Time Scheduler::Impl::due_of(const Head& head) const {
  const TaskRecord& record = *tables_.tasks.find(head.task.value);
  const Time due = record.state.queued + policy_.reservations.after;
  return head.reservation.has_value() || due <= now_ ? Time{} : due;
}

// ---- reservations -----------------------------------------------------------------------------------

void Scheduler::Impl::look_ahead(Head& head) {
  const TaskRecord& record = *tables_.tasks.find(head.task.value);
  const std::optional<Reservation> before = std::move(head.reservation);
  head.reservation.reset();
  head.reservation = pool_.look_ahead(
      head.task,
      record.shape->key.request,
      reserved_before(record),
      before.has_value() ? std::optional(before->host) : std::nullopt,
      now_,
      head.outlooks);
  if (!before.has_value()) {
    return;  // nobody was kept from anything
  }
  const std::optional<Reservation>& now = head.reservation;
  if (!now.has_value() || now->host != before->host || now->shadow != before->shadow ||
      now->allocation.devices != before->allocation.devices) {
    queue_.reopen_all();
  }
}

/// Stops attempts of lower priority that may be stopped, if that makes room.
void Scheduler::Impl::make_room(Head& head) {
  const TaskRecord& record = *tables_.tasks.find(head.task.value);
  head.making_room = false;
  if (!pool_.any_preemptible()) {
    return;
  }
  const std::optional<Pool::Room> room = pool_.make_room(
      record.shape->key.request, record.terms->priority, reserved_before(record), now_);
  if (!room.has_value()) {
    return;
  }
  head.making_room = true;
  for (const TaskId victim : room->victims) {
    stop(*tables_.tasks.find(victim.value), Cause::preempted);
  }
}

/// Something was freed on the host: shapes that could fit there now are looked at again.
void Scheduler::Impl::reopen(std::uint32_t host) {
  queue_.reopen_if([this, host](const Shape& shape) {
    return shape.obstacle == Shape::Obstacle::room && pool_.may_fit(shape.key.request, host);
  });
}

}  // namespace cattino::core
