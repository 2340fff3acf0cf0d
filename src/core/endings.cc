// What becomes of a task after an attempt: an end, another attempt after a failure (a retry), or one that
// is no retry (exit status 100, a lost device, room made for another task).
#include <algorithm>

#include "base/check.h"
#include "core/impl.h"

namespace cattino::core {
namespace {

constexpr Duration first_backoff = Duration::seconds(1);
constexpr Duration longest_backoff = Duration::seconds(600);
constexpr std::int64_t ppm = 1000000;

/// Doubled for each one after the first.
Duration backoff_after(std::uint32_t times, Duration first, Duration longest) {
  Duration backoff = first;
  for (std::uint32_t i = 1; i < times && backoff < longest; ++i) {
    backoff = backoff * 2;
  }
  return std::min(backoff, longest);
}

}  // namespace

/// The attempt is over, its on_end too.
void Scheduler::Impl::finish(TaskRecord& record) {
  TaskState& state = record.state;
  const RetryPolicy& policy = record.terms->retry;
  const Sequel next = sequel_of(record);
  switch (next.kind) {
    case Sequel::Kind::end:
      state.cause_node = next.cause == Cause::dependency ? next.cause_node : state.cause_node;
      end(record, next.status, next.cause);
      break;
    case Sequel::Kind::preempted:
      ++state.preemptions;
      wait_again(record, {});
      break;
    case Sequel::Kind::requeued:
      ++state.requeues;
      wait_again(record, backoff_after(state.requeues, first_backoff, longest_backoff));
      break;
    case Sequel::Kind::retried:
      state.raised = next.raised;
      ++state.retries;
      wait_again(record, backoff_after(state.retries, policy.backoff, policy.longest_backoff));
      break;
    case Sequel::Kind::held:
      make_waiting(record);
      state.held = true;
      ++setbacks_;
      state.cause = Cause::lost;
      refresh(record);
      break;
  }
}

/// What follows the attempt that is about to be over, as things stand.
Scheduler::Impl::Sequel Scheduler::Impl::sequel_of(const TaskRecord& record) const {
  const TaskState& state = record.state;
  const Sequel next = wished_sequel_of(record);
  if (!next.runs_again()) {
    return next;
  }
  // A prerequisite may have been resumed, and have ended otherwise, while this attempt ran.
  const NodeRef dead = tables_.dead_source(NodeRef::of(record.id));
  if (dead && record.terms->cascade) {
    return {Sequel::Kind::end, TaskStatus::cancelled, Cause::dependency, dead.node()};
  }
  if (state.attempt >= AttemptId::number_max) {
    return {Sequel::Kind::end, TaskStatus::failed, Cause::retries_over};
  }
  return next;
}

/// Likewise, by how it ended alone.
Scheduler::Impl::Sequel Scheduler::Impl::wished_sequel_of(const TaskRecord& record) const {
  using Kind = Sequel::Kind;
  const TaskState& state = record.state;
  const ExitStatus exit = state.last_exit;
  if (state.end_requested && state.cause == Cause::preempted) {
    if (exit.kind != ExitStatus::Kind::lost) {
      return {Kind::preempted};
    }
  } else if (state.end_requested && state.cause == Cause::timed_out) {
    return failed(record, Cause::timed_out);
  } else if (state.end_requested) {
    const bool killed = state.cause == Cause::user_killed;
    return {Kind::end, killed ? TaskStatus::failed : TaskStatus::cancelled, state.cause};
  }
  if (state.cause == Cause::hook_failed) {
    return {Kind::end, TaskStatus::failed, Cause::hook_failed};
  }
  if (exit.ok()) {
    return {Kind::end, TaskStatus::done, Cause::none};
  }
  if (exit.kind == ExitStatus::Kind::lost) {
    return failed(record, Cause::lost);
  }
  if (state.device_lost || (exit.kind == ExitStatus::Kind::code && exit.value == retry_code)) {
    return state.requeues < most_requeues
               ? Sequel{Kind::requeued}
               : Sequel{Kind::end, TaskStatus::failed, Cause::retries_over};
  }
  return failed(record, state.out_of_memory ? Cause::out_of_memory : Cause::exit);
}

/// A failure: again, if its policy says so. What nobody can know is held for the user instead.
Scheduler::Impl::Sequel Scheduler::Impl::failed(const TaskRecord& record, Cause cause) const {
  if (may_retry(record, cause)) {
    const std::optional<std::int64_t> raised =
        cause == Cause::out_of_memory ? raised_request(record) : record.state.raised;
    if (raised) {
      return {Sequel::Kind::retried, TaskStatus::waiting, cause, {}, *raised};
    }
  }
  if (cause == Cause::lost) {
    return {Sequel::Kind::held, TaskStatus::waiting, cause};
  }
  return {Sequel::Kind::end, TaskStatus::failed, cause};
}

bool Scheduler::Impl::may_retry(const TaskRecord& record, Cause cause) {
  const RetryPolicy& policy = record.terms->retry;
  const ExitStatus exit = record.state.last_exit;
  if (record.state.retries >= policy.retries || record.state.attempt >= AttemptId::number_max) {
    return false;
  }
  if (cause == Cause::lost) {
    return policy.on_lost;
  }
  if (cause == Cause::timed_out) {
    return policy.on_timeout;
  }
  if (cause == Cause::out_of_memory) {
    return policy.on_oom;
  }
  if (exit.kind == ExitStatus::Kind::signal) {
    return policy.on_signal;
  }
  return exit.kind == ExitStatus::Kind::code &&
         (policy.codes.empty()
              ? policy.on_code
              : std::binary_search(policy.codes.begin(), policy.codes.end(), exit.value));
}

/// What to ask for after a lack of memory, as `raised`. Nothing if it had all there is: then another
/// attempt is of no use.
std::optional<std::int64_t> Scheduler::Impl::raised_request(const TaskRecord& record) const {
  const std::int64_t growth = record.terms->retry.oom_growth_ppm;
  if (growth <= ppm) {
    return record.state.raised;
  }
  const Request& request = record.shape->key.request;
  const bool of_devices = !raises_ram(request);
  if (of_devices && request.memory.value <= 0) {
    return std::nullopt;  // it had whole devices
  }
  if (!of_devices && request.ram.value <= 0) {
    return record.state.raised;
  }
  const std::int64_t had = of_devices ? request.memory.value : request.ram.value;
  std::int64_t most = of_devices ? pool_.largest_memory().value : pool_.largest_ram().value;
  if (of_devices && request.memory.kind == MemoryRequest::Kind::share) {
    most = ppm;
  }
  if (had >= most) {
    return std::nullopt;
  }
  return std::min(
      most,
      had +
          std::max<std::int64_t>(1, had / ppm * (growth - ppm) + had % ppm * (growth - ppm) / ppm));
}

void Scheduler::Impl::wait_again(TaskRecord& record, Duration backoff) {
  TaskState& state = record.state;
  make_waiting(record);
  state.not_before = backoff.us > 0 ? now_ + backoff : Time{};
  state.queued = std::max(now_, state.not_before);
  reshape(record);
  refresh(record);
}

void Scheduler::Impl::end(TaskRecord& record, TaskStatus status, Cause cause) {
  TaskState& state = record.state;
  CHECK(!has_ended(state.status) && has_ended(status));
  set_status(record, status);
  state.phase = TaskPhase::none;
  state.held = false;
  state.end_requested = false;
  state.cause = cause;
  state.ended = now_;
  refresh(record);
  state.not_before = {};
  work_.push_back({Op::Kind::ended, NodeRef::of(record.id), {}, false, now_});
}

}  // namespace cattino::core
