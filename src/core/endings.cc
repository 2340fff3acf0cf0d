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
  const ExitStatus exit = state.last_exit;
  if (state.end_requested && state.cause == Cause::preempted &&
      exit.kind != ExitStatus::Kind::lost) {
    ++state.preemptions;
    wait_again(record, {});
  } else if (state.end_requested && state.cause == Cause::timed_out) {
    fail(record, Cause::timed_out);
  } else if (state.end_requested && state.cause != Cause::preempted) {
    const bool killed = state.cause == Cause::user_killed;
    end(record, killed ? TaskStatus::failed : TaskStatus::cancelled, state.cause);
  } else if (state.cause == Cause::hook_failed) {
    end(record, TaskStatus::failed, Cause::hook_failed);
  } else if (exit.ok()) {
    end(record, TaskStatus::done, Cause::none);
  } else if (exit.kind == ExitStatus::Kind::lost) {
    fail(record, Cause::lost);
  } else if (
      state.device_lost || (exit.kind == ExitStatus::Kind::code && exit.value == retry_code)) {
    requeue(record);
  } else {
    fail(record, state.out_of_memory ? Cause::out_of_memory : Cause::exit);
  }
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

/// A failure: again, if its policy says so. What nobody can know is held for the user instead.
void Scheduler::Impl::fail(TaskRecord& record, Cause cause) {
  TaskState& state = record.state;
  const RetryPolicy& policy = record.terms->retry;
  if (may_retry(record, cause) && (cause != Cause::out_of_memory || raise(record))) {
    ++state.retries;
    wait_again(record, backoff_after(state.retries, policy.backoff, policy.longest_backoff));
    return;
  }
  if (cause != Cause::lost) {
    end(record, TaskStatus::failed, cause);
    return;
  }
  make_waiting(record);
  state.held = true;
  ++setbacks_;
  state.cause = Cause::lost;
  refresh(record);
}

/// Asks for more memory next time. False if it had all there is: then another attempt is of no use.
bool Scheduler::Impl::raise(TaskRecord& record) {
  const std::int64_t growth = record.terms->retry.oom_growth_ppm;
  if (growth <= ppm) {
    return true;
  }
  const Request& request = record.shape->key.request;
  const bool of_devices = !raises_ram(request);
  if (of_devices && request.memory.value <= 0) {
    return false;  // it had whole devices
  }
  if (!of_devices && request.ram.value <= 0) {
    return true;
  }
  const std::int64_t had = of_devices ? request.memory.value : request.ram.value;
  std::int64_t most = of_devices ? pool_.largest_memory().value : pool_.largest_ram().value;
  if (of_devices && request.memory.kind == MemoryRequest::Kind::share) {
    most = ppm;
  }
  if (had >= most) {
    return false;
  }
  record.state.raised = std::min(
      most,
      had +
          std::max<std::int64_t>(1, had / ppm * (growth - ppm) + had % ppm * (growth - ppm) / ppm));
  return true;
}

void Scheduler::Impl::requeue(TaskRecord& record) {
  TaskState& state = record.state;
  if (state.requeues >= most_requeues || state.attempt >= AttemptId::number_max) {
    end(record, TaskStatus::failed, Cause::retries_over);
    return;
  }
  ++state.requeues;
  wait_again(record, backoff_after(state.requeues, first_backoff, longest_backoff));
}

void Scheduler::Impl::wait_again(TaskRecord& record, Duration backoff) {
  TaskState& state = record.state;
  // A prerequisite may have been resumed, and have ended otherwise, while this attempt ran.
  const NodeRef dead = tables_.dead_source(NodeRef::of(record.id));
  if (dead && record.terms->cascade) {
    state.cause_node = dead.node();
    end(record, TaskStatus::cancelled, Cause::dependency);
    return;
  }
  if (state.attempt >= AttemptId::number_max) {
    end(record, TaskStatus::failed, Cause::retries_over);
    return;
  }
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
