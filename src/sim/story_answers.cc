// What processes, hooks and timers of a random world answer.
#include <algorithm>
#include <iterator>
#include <variant>

#include "sim/action_text.h"
#include "sim/story.h"

namespace cattino::sim {
namespace {

using core::Action;
using core::AttemptExited;
using core::AttemptRecalled;
using core::AttemptStarted;
using core::HookEnded;
using core::RecallAttempt;
using core::RunHook;
using core::StartAttempt;
using core::StopAttempt;
using core::TaskState;
using core::TimerFired;

}  // namespace

/// One of the outstanding effects is answered, or the timer fires. False if there is none.
bool Story::answer_something() {
  if (open_.empty()) {
    if (!timer_) {
      return false;
    }
    now_ = std::max(now_, timer_);
    fire_if_due();
    return true;
  }
  auto chosen = open_.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(dice_.below(open_.size())));
  const Action action = chosen->second;
  const auto* start = std::get_if<StartAttempt>(&action);
  if (start != nullptr) {
    answer_start(start->attempt);
  } else {
    open_.erase(chosen);
    answer(action);
  }
  return true;
}

void Story::fire_if_due() {
  if (timer_ && timer_ <= now_) {
    timer_ = {};
    step(TimerFired{});
  }
}

void Story::answer_start(AttemptId attempt) {
  if (is_behind(attempt)) {
    return;  // it begins when the one in front is gone
  }
  if (dice_.one_in(2)) {
    step(AttemptStarted{attempt});
  } else {
    exit(attempt);
  }
}

void Story::answer(const Action& action) {
  if (const auto* recall = std::get_if<RecallAttempt>(&action)) {
    answer(*recall);
  } else if (const auto* stop = std::get_if<StopAttempt>(&action)) {
    exit(stop->attempt);
  } else if (const auto* hook = std::get_if<RunHook>(&action)) {
    step(HookEnded{hook->owner, hook->hook, hook->attempt, calm_ || !dice_.one_in(6)});
  }
}

bool Story::is_behind(AttemptId attempt) const {
  const TaskState* state = scheduler_->state(attempt.task);
  return state != nullptr && state->attempt == attempt.number && state->behind;
}

void Story::answer(const RecallAttempt& recall) {
  if (!is_behind(recall.attempt)) {
    return;  // it had begun
  }
  open_.erase(text(StartAttempt{recall.attempt}));
  ++tally_.recalls;
  step(AttemptRecalled{recall.attempt});
}

void Story::exit(AttemptId attempt) {
  open_.erase(text(StartAttempt{attempt}));
  AttemptExited exited{attempt, ExitStatus::of_code(0)};
  const std::uint64_t kind = calm_ ? 10 : dice_.below(10);
  if (kind == 0) {
    exited.status = ExitStatus::of_code(1);
  } else if (kind == 1) {
    exited.status = ExitStatus::of_code(100);
  } else if (kind == 2) {
    exited.status = ExitStatus::of_lost();
  } else if (kind == 3) {
    exited.status = ExitStatus::of_signal(9);
    exited.out_of_memory = dice_.one_in(2);
  }
  step(exited);
}

}  // namespace cattino::sim
