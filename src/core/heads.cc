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
#include <map>
#include <utility>

#include "core/impl.h"
#include "core/planted.h"

namespace cattino::core {

void Scheduler::Impl::place() {
  if (paused_) {
    // Who is first is found anew when it goes on.
    for (const Head& head : std::exchange(heads_, {})) {
      dropped_heads_.push_back(head.task);
    }
    return;
  }
  if (policy_.shares.fair && queue_.order_users(shares_.order(now_)) && !heads_.empty()) {
    queue_.reopen_all();  // others may come before the heads now
    forget_versions(heads_.begin());
  }
  tend_heads();
  do {
    place_open();
    settle_heads();
  } while (queue_.first() != nullptr);
  note_reserved();
}

/// In what is stored, so that a restored scheduler keeps the same.
void Scheduler::Impl::note_reserved() {
  std::sort(dropped_heads_.begin(), dropped_heads_.end());
  for (const TaskId id : std::exchange(dropped_heads_, {})) {
    TaskRecord* const record = tables_.tasks.find(id.value);
    if (record != nullptr && head_of(id) == nullptr) {
      set_reserved(*record, 0);
    }
  }
  for (const Head& head : heads_) {
    const std::uint32_t on = head.reservation.has_value() ? head.reservation->host + 1 : 0;
    set_reserved(*tables_.tasks.find(head.task.value), on);
  }
}

/// Until nothing is left that was not looked at.
void Scheduler::Impl::place_open() {
  while (const ReadyKey* first = queue_.first()) {
    TaskRecord& record = *tables_.tasks.find(first->task.value);
    if (throttle_of(record) != nullptr) {
      queue_.close_first(Shape::Obstacle::throttle);
      continue;
    }
    const std::optional<Allocation> allocation = place_now(record);
    if (allocation.has_value()) {
      admit(record, *allocation);
      tend_heads();
    } else {
      queue_.close_first(Shape::Obstacle::room);
      note_head(record);
    }
  }
}

bool Scheduler::Impl::is_before(const TaskRecord& a, const TaskRecord& b) const {
  return queue_.comes_before(a.shape->key.user, key_of(a), b.shape->key.user, key_of(b));
}

/// What the task, which nothing throttles, could start with now.
std::optional<Allocation> Scheduler::Impl::place_now(const TaskRecord& record) const {
  if (must_wait_for_head(record) || takes_place_of_head(record)) {
    return std::nullopt;
  }
  return pool_.place(record.shape->key.request, reserved_before(record), now_);
}

/// Would a group around both run as many as it may, so that a head before it could not start?
bool Scheduler::Impl::takes_place_of_head(const TaskRecord& record) const {
  if (!record.shape->key.throttle) {
    return false;
  }
  std::map<GroupId, std::uint64_t> kept;  // places in groups
  for (const Head& head : heads_) {
    const TaskRecord& first = *tables_.tasks.find(head.task.value);
    if (head.task == record.id || !is_before(first, record)) {
      break;
    }
    const GroupRecord* around = head.reservation ? tables_.find(first.group) : nullptr;
    for (; around != nullptr; around = tables_.find(around->spec.parent)) {
      ++kept[around->spec.id];
    }
  }
  for (const GroupRecord* group = tables_.find(record.group); group != nullptr;
       group = tables_.find(group->spec.parent)) {
    const auto places = kept.find(group->spec.id);
    if (group->spec.max_parallel > 0 && places != kept.end() &&
        group->running + places->second >= group->spec.max_parallel) {
      return true;
    }
  }
  return false;
}

/// Without backfill nothing starts before the head.
bool Scheduler::Impl::must_wait_for_head(const TaskRecord& record) const {
  return !policy_.reservations.backfill && !heads_.empty() && heads_[0].task != record.id &&
         !is_before(record, *tables_.tasks.find(heads_[0].task.value));
}

Pool::Reserved Scheduler::Impl::reserved_before(const TaskRecord& record) const {
  Pool::Reserved reserved;
  if (planted(Fault::ignored_reservation)) {
    return reserved;
  }
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
  const auto found = std::find_if(
      heads_.begin(), heads_.end(), [task](const Head& head) { return head.task == task; });
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
  forget_versions(heads_.insert(at, Head{.task = record.id}));
  const bool too_many = heads_.size() > policy_.reservations.depth;
  const bool frees = too_many && heads_.back().reservation.has_value();
  if (too_many) {
    dropped_heads_.push_back(heads_.back().task);
    heads_.pop_back();
  }
  tend_heads();
  if (frees) {
    queue_.reopen_all();
  }
}

/// The heads are the first tasks of the first shapes that are closed. One that comes before them may have
/// joined a shape that nobody looks at.
void Scheduler::Impl::settle_heads() {
  const std::vector<TaskId> first = queue_.closed_for_room(policy_.reservations.depth);
  for (std::size_t i = heads_.size(); i-- > 0;) {
    if (std::find(first.begin(), first.end(), heads_[i].task) == first.end()) {
      drop_head(*tables_.tasks.find(heads_[i].task.value));
    }
  }
  for (const TaskId task : first) {
    note_head(*tables_.tasks.find(task.value));
  }
}

/// It does not wait for room any more. What was kept for it others may have.
void Scheduler::Impl::drop_head(const TaskRecord& record) {
  const Head* const head = head_of(record.id);
  if (head == nullptr) {
    return;
  }
  const bool frees = head->reservation.has_value() || !policy_.reservations.backfill;
  forget_versions(heads_.erase(heads_.begin() + (head - heads_.data())));
  dropped_heads_.push_back(record.id);
  if (frees) {
    queue_.reopen_all();
  }
}

/// What comes before these heads has changed.
void Scheduler::Impl::forget_versions(std::vector<Head>::iterator from) {
  std::for_each(from, heads_.end(), [](Head& head) { head.version = 0; });
}

/// At the beginning of each round: what has changed for them.
void Scheduler::Impl::tend_heads() {
  if (policy_.shares.fair && heads_.size() > 1) {
    std::stable_sort(heads_.begin(), heads_.end(), [this](const Head& a, const Head& b) {
      return is_before(*tables_.tasks.find(a.task.value), *tables_.tasks.find(b.task.value));
    });
  }
  // What is being stopped for one changes what the others can have.
  std::uint64_t version = 0;
  while (version != pool_.version()) {
    version = pool_.version();
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      tend(heads_[i]);
    }
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
  const bool wanted = record.state.reserved > 0 || head.reservation.has_value() ||
                      head.making_room || waited || pool_.all_limited();
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
  TaskRecord& record = *tables_.tasks.find(head.task.value);
  const std::optional<Reservation> before = std::move(head.reservation);
  const std::uint32_t stay_on = record.state.reserved;
  head.reservation = pool_.look_ahead(
      head.task,
      record.shape->key.request,
      reserved_before(record),
      stay_on > 0 ? std::optional(stay_on - 1) : std::nullopt,
      head.outlooks);
  const std::optional<Reservation>& now = head.reservation;
  const bool same =
      before.has_value() == now.has_value() &&
      (!now.has_value() || (now->host == before->host && now->shadow == before->shadow &&
                            now->allocation.devices == before->allocation.devices));
  if (!same) {
    forget_versions(heads_.begin() + (&head - heads_.data()) + 1);
  }
  if (before.has_value() && (!now.has_value() || leaves_more(*now, *before))) {
    queue_.reopen_all();  // somebody was kept from something
  }
}

void Scheduler::Impl::set_reserved(TaskRecord& record, std::uint32_t reserved) {
  if (record.state.reserved != reserved) {
    record.state.reserved = reserved;
    mark(record);
  }
}

/// Stops attempts of lower priority that may be stopped, if that makes room.
void Scheduler::Impl::make_room(Head& head) {
  const TaskRecord& record = *tables_.tasks.find(head.task.value);
  head.making_room = false;
  if (!pool_.any_preemptible()) {
    return;
  }
  // Only those that come after it in the order, too: else they would take their place again.
  const auto may_stop = [this, &record](TaskId task, const Hold& hold) {
    return hold.preemptible && hold.priority < record.terms->priority &&
           is_before(record, *tables_.tasks.find(task.value));
  };
  const std::optional<Pool::Room> room =
      pool_.make_room(record.shape->key.request, reserved_before(record), may_stop);
  if (!room.has_value()) {
    return;
  }
  head.making_room = true;
  for (const TaskId victim : room->victims) {
    stop(*tables_.tasks.find(victim.value), Cause::preempted);
  }
}

/// Something was freed on the host: shapes that could fit there now are looked at again. With `counters`
/// some of these was freed, which may be all that a request lacks on any host.
void Scheduler::Impl::reopen(std::uint32_t host, bool counters) {
  if (planted(Fault::idle_room)) {
    return;
  }
  queue_.reopen_if([this, host, counters](const Shape& shape) {
    const Request& request = shape.key.request;
    const bool elsewhere = counters && !request.counters.empty();
    return shape.obstacle == Shape::Obstacle::room && (elsewhere || pool_.may_fit(request, host));
  });
}

}  // namespace cattino::core
