// What must always be true. Walks everything.
#include <algorithm>
#include <map>
#include <string>

#include "base/check.h"
#include "core/impl.h"

namespace cattino::core {
namespace {

/// What tasks hold is what the pool has given away.
void check_claims(const DeviceUse& use, Mib claimed) {
  CHECK(use.claimed == claimed);
}

using Amounts = std::map<std::string, std::int64_t>;

void add_counters(const Request& request, Amounts& counted) {
  for (const CounterAmount& held : request.counters) {
    counted[held.name] += held.amount;
  }
}

}  // namespace

void Scheduler::Impl::check_invariants() const {
  check_tasks();
  check_groups();
  check_edges();
  check_queue();
  check_lines();
  check_holds();
  check_throttles();
  check_heads();
  pool_.check_invariants();
  CHECK(work_.empty() && effects_.empty() && changed_tasks_.empty() && changed_groups_.empty());
}

/// The sums over all tasks that the scheduler also keeps as counts.
struct Scheduler::Impl::Sums {
  std::uint64_t waiting = 0;
  std::uint64_t ready = 0;
  std::uint64_t backing_off = 0;
  std::uint64_t in_lines = 0;
  std::map<std::pair<std::uint32_t, std::size_t>, Mib> claims;
};

void Scheduler::Impl::check_tasks() const {
  Sums sums;
  tables_.tasks.for_each([this, &sums](const TaskRecord& record) { check_task(record, sums); });
  CHECK(sums.waiting == waiting_);
  CHECK(sums.ready == queue_.size());
  CHECK(sums.backing_off == backing_off_.size());
  CHECK(sums.in_lines == followers_.size());
  for (const Host& host : pool_.hosts()) {
    const HostUse& use = *pool_.use_of(host.id);
    for (std::size_t i = 0; i < use.devices.size(); ++i) {
      check_claims(use.devices[i], sums.claims[{host.id, i}]);
    }
  }
}

void Scheduler::Impl::check_task(const TaskRecord& record, Sums& sums) const {
  const TaskState& state = record.state;
  const bool waits = state.status == TaskStatus::waiting;
  const bool runs = state.status == TaskStatus::running;
  const bool queued = record.bucket != TaskRecord::Bucket::none;
  CHECK(runs == (running_.count(record.id) == 1));
  CHECK(runs == (state.phase != TaskPhase::none));
  CHECK(holds_resources(state) || state.allocation.is_nothing());
  // A gang is whole or not there.
  const Request& request = record.shape->key.request;
  const std::size_t least = holds_resources(state) ? request.min_devices : 0U;
  const std::size_t most =
      holds_resources(state) ? std::max(request.min_devices, request.max_devices) : 0U;
  const std::size_t held = state.allocation.devices.size();
  CHECK(held >= least && held <= most && state.allocation.mib.size() == held);
  CHECK(record.links.dead <= record.links.pending);
  CHECK(queued == (waits && !state.held && record.links.pending == 0));
  sums.waiting += waits ? 1U : 0U;
  sums.ready += record.bucket == TaskRecord::Bucket::ready ? 1U : 0U;
  sums.backing_off += record.bucket == TaskRecord::Bucket::backoff ? 1U : 0U;
  sums.in_lines += state.behind ? 1U : 0U;
  CHECK(!state.behind || (runs && followers_.at(state.behind) == record.id));
  for (std::size_t i = 0; i < held && !state.behind; ++i) {
    sums.claims[{state.allocation.host, state.allocation.devices[i]}] += state.allocation.mib[i];
  }
}

void Scheduler::Impl::check_groups() const {
  std::uint64_t hooks = 0;
  tables_.groups.for_each([this, &hooks](const GroupRecord& record) {
    check_group(record);
    hooks += hooking_.count(record.spec.id);
  });
  CHECK(hooks == hooking_.size());
}

void Scheduler::Impl::check_group(const GroupRecord& record) const {
  std::uint64_t open = 0;
  std::uint64_t not_done = 0;
  for (NodeRef member = record.first_member; member; member = tables_.next_member(member)) {
    const bool ended = tables_.ended(member);
    open += ended ? 0U : 1U;
    not_done += ended && !tables_.ended_ok(member) ? 1U : 0U;
  }
  CHECK(open == record.open && not_done == record.not_done);
  CHECK(!record.ended || open == 0);
  const bool runs_hook =
      record.state.phase == GroupPhase::start_hook || record.state.phase == GroupPhase::end_hook;
  CHECK(runs_hook || record.waiters.empty());
  CHECK(runs_hook == (hooking_.count(record.spec.id) == 1));
  // Nothing is left open that could end by itself.
  CHECK(record.ended || open > 0 || runs_hook || record.members == 0);
  const bool all_wait =
      std::all_of(record.waiters.begin(), record.waiters.end(), [this](TaskId waiter) {
        return tables_.tasks.find(waiter.value)->state.phase == TaskPhase::group_hooks;
      });
  CHECK(all_wait);
}

void Scheduler::Impl::check_edges() const {
  tables_.tasks.for_each([this](const TaskRecord& record) { check_links(NodeRef::of(record.id)); });
  tables_.groups.for_each(
      [this](const GroupRecord& record) { check_links(NodeRef::of(record.spec.id)); });
}

/// The counts before a node are the edges and gates before it, and each edge says how its source
/// ended.
void Scheduler::Impl::check_links(NodeRef node) const {
  const Links& links = tables_.links(node);
  std::uint32_t pending = 0;
  std::uint32_t dead = 0;
  bool truthful = true;
  for (const EdgeRecord* edge = links.in; edge != nullptr; edge = edge->next_in) {
    EdgeStatus expected = EdgeStatus::pending;
    if (tables_.ended(edge->from)) {
      const bool satisfied = satisfies(edge->when, tables_.ended_ok(edge->from));
      expected = satisfied ? EdgeStatus::satisfied : EdgeStatus::dead;
    }
    truthful = truthful && edge->status == expected;
    pending += expected != EdgeStatus::satisfied ? 1U : 0U;
    dead += expected == EdgeStatus::dead ? 1U : 0U;
  }
  const NodeRef parent = tables_.parent(node);
  pending += parent && tables_.links(parent).pending > 0 ? 1U : 0U;
  CHECK(truthful);
  CHECK(links.pending == pending && links.dead == dead);
}

/// Who is in a line has what the one in front has; a line that can still be recalled will be.
void Scheduler::Impl::check_lines() const {
  std::size_t open = 0;
  for (const auto& [front_id, next_id] : followers_) {
    const TaskRecord& front = *tables_.tasks.find(front_id.value);
    const TaskRecord& next = *tables_.tasks.find(next_id.value);
    check_neighbours(front, next);
    open += !front.state.behind && !next.state.recalled ? 1U : 0U;
  }
  CHECK(open == lines_.size());
}

void Scheduler::Impl::check_neighbours(const TaskRecord& front, const TaskRecord& next) const {
  CHECK(next.state.behind == front.id);
  CHECK(
      front.state.status == TaskStatus::running &&
      front.shape->key.request == next.shape->key.request);
  CHECK(front.state.allocation.host == next.state.allocation.host);
  CHECK(front.state.allocation.devices == next.state.allocation.devices);
  const bool leads = !front.state.behind && !next.state.recalled;
  const auto due = std::pair(front.state.started + policy_.lines.patience, front.id);
  CHECK(leads == (lines_.count(due) == 1));
}

/// Is what the pool says of this hold true?
bool Scheduler::Impl::is_true(std::uint32_t host, TaskId task, const Hold& hold) const {
  const TaskRecord* record = tables_.tasks.find(task.value);
  return record != nullptr && hold.allocation == &record->state.allocation &&
         record->state.allocation.host == host && holds_resources(record->state) &&
         hold.ending == record->state.end_requested;
}

/// Every attempt that holds something is known to the pool with what it holds, once; and nobody else.
void Scheduler::Impl::check_holds() const {
  std::size_t known = 0;
  Amounts counted;
  bool truthful = true;
  for (const auto& [host, holds] : pool_.holds()) {
    known += holds.size();
    for (const auto& [task, hold] : holds) {
      truthful = truthful && is_true(host, task, hold);
      add_counters(*hold.request, counted);
    }
  }
  std::size_t holding = 0;
  std::size_t with_limit = 0;
  for (const TaskId id : running_) {
    const TaskRecord& record = *tables_.tasks.find(id.value);
    const Request& request = record.shape->key.request;
    const bool holds = holds_resources(record.state) && !record.state.behind;
    const bool something = !record.state.allocation.is_nothing() || !request.counters.empty();
    const bool ends_by_limit = request.time_limit.us > 0 && !record.state.end_requested;
    holding += holds && something ? 1U : 0U;
    with_limit += holds && ends_by_limit ? 1U : 0U;
  }
  CHECK(truthful);
  CHECK(known == holding);
  CHECK(pool_.counters().holds(counted));
  CHECK(deadlines_.size() >= with_limit);
}

void Scheduler::Impl::check_throttles() const {
  std::map<GroupId, std::uint64_t> running;
  for (const TaskId id : running_) {
    for (NodeRef at = tables_.parent(NodeRef::of(id)); at; at = tables_.parent(at)) {
      ++running[at.group()];
    }
  }
  bool right = true;
  tables_.groups.for_each([&right, &running](const GroupRecord& group) {
    const std::uint64_t most = group.spec.max_parallel;
    right =
        right && (most == 0 || (group.running == running[group.spec.id] && group.running <= most));
  });
  CHECK(right);
}

/// Heads wait for room, in order; what is kept for them is a whole gang.
void Scheduler::Impl::check_heads() const {
  CHECK(heads_.size() <= policy_.reservations.depth);
  bool all_wait = true;
  bool in_order = true;
  bool whole = true;
  const TaskRecord* before = nullptr;
  for (const Head& head : heads_) {
    const TaskRecord* record = tables_.tasks.find(head.task.value);
    all_wait = all_wait && record != nullptr && record->bucket == TaskRecord::Bucket::ready;
    if (!all_wait) {
      break;
    }
    in_order =
        in_order && (before == nullptr || policy_.shares.fair || is_before(*before, *record));
    whole = whole && (!head.reservation || head.reservation->allocation.devices.size() ==
                                               record->shape->key.request.min_devices);
    before = record;
  }
  CHECK(all_wait);
  CHECK(in_order);
  CHECK(whole);
}

/// Nothing is left waiting that could start.
void Scheduler::Impl::check_queue() const {
  std::uint64_t users = 0;
  bool something_fits = false;
  for (const auto& [key, shape] : queue_.shapes()) {
    users += shape.users;
    if (shape.ready.empty() || paused_ || !settled_) {
      continue;
    }
    const TaskRecord& first = *tables_.tasks.find(shape.ready.begin()->task.value);
    something_fits =
        something_fits || (throttle_of(first) == nullptr && place_now(first).has_value());
  }
  CHECK(users == tables_.tasks.size());
  CHECK(!something_fits);
}

}  // namespace cattino::core
