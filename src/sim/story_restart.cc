// The scheduler is lost, and another one is made of what was stored.
#include <algorithm>
#include <variant>

#include <fmt/core.h>

#include "sim/action_text.h"
#include "sim/judge.h"
#include "sim/story.h"

namespace cattino::sim {
namespace {

using core::Action;
using core::Actions;
using core::ArmTimer;
using core::CountersDeclared;
using core::Host;
using core::HostObserved;
using core::Paused;
using core::Reason;
using core::Scheduler;
using core::SharesKnown;
using core::TaskSpec;
using core::TaskState;
using core::TimerFired;

std::vector<std::string> lines_of(const Actions& actions) {
  std::vector<std::string> lines;
  for (const Action& action : actions) {
    if (!std::holds_alternative<ArmTimer>(action)) {  // a new one arms its timer anew
      lines.push_back(text(action));
    }
  }
  // In what order changes are told does not matter.
  const auto changes =
      std::stable_partition(lines.begin(), lines.end(), [](const std::string& line) {
        return line.rfind("task ", 0) == 0 || line.rfind("group ", 0) == 0;
      });
  std::sort(lines.begin(), changes);
  return lines;
}

void demand_quiet(const Actions& actions, const char* when) {
  for (const std::string& line : lines_of(actions)) {
    throw Broken(fmt::format("{}: {}", when, line));
  }
}

}  // namespace

void compare(const Actions& actions, const Actions& same) {
  const std::vector<std::string> left = lines_of(actions);
  const std::vector<std::string> right = lines_of(same);
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    const std::string one = i < left.size() ? left[i] : "nothing";
    const std::string other = i < right.size() ? right[i] : "nothing";
    if (one != other) {
      throw Broken(fmt::format("a restored scheduler decides otherwise: {} | {}", one, other));
    }
  }
}

void Story::restart() {
  timer_ = {};
  step(TimerFired{});  // so that both have seen the present
  ++tally_.restarts;
  auto fresh = std::make_unique<Scheduler>(policy_);
  // A pause would recall lines.
  restore(*fresh, dice_.one_in(2) || policy_.lines.length > 0);
  fresh->check_invariants();
  compare_with(*fresh);
  twin_ = std::move(fresh);
  twin_steps_ = 30;
  if (dice_.one_in(2)) {
    scheduler_.swap(twin_);
    judge_.turn_to(*scheduler_);
  }
}

void Story::restore(Scheduler& fresh, bool hosts_first) {
  Actions none;
  if (paused_ || !hosts_first) {
    fresh.step(now_, Paused{true}, none);
  }
  fresh.step(now_, CountersDeclared{counters_}, none);
  fresh.step(now_, SharesKnown{scheduler_->shares(now_)}, none);
  for (const Host& host : hosts_) {
    if (hosts_first) {
      fresh.step(now_, HostObserved{host}, none);
    }
  }
  for (const auto& [id, stored] : stored_) {
    fresh.step(now_, stored, none);
  }
  for (const Host& host : hosts_) {
    if (!hosts_first) {
      fresh.step(now_, HostObserved{host}, none);
    }
  }
  demand_quiet(none, "restoring causes an action");
  fresh.step(now_, Paused{paused_}, none);
  if (lines_of(none).empty()) {
    return;
  }
  compare_with(fresh);  // says more
  demand_quiet(none, "a restored scheduler acts by itself");
}

void Story::compare_with(const Scheduler& fresh) const {
  const Scheduler::Counts now = scheduler_->counts();
  const Scheduler::Counts then = fresh.counts();
  if (now.waiting != then.waiting || now.running != then.running || now.ready != then.ready) {
    throw Broken("a restored scheduler counts otherwise");
  }
  compare(scheduler_->outstanding(), fresh.outstanding());
  for (const auto& [id, stored] : stored_) {
    for (const TaskSpec& spec : stored.work.tasks) {
      compare_task(spec.id, fresh);
    }
  }
}

void Story::compare_task(TaskId id, const Scheduler& fresh) const {
  const TaskState& live = *scheduler_->state(id);
  const TaskState& restored = *fresh.state(id);
  if (text(live) != text(restored)) {
    throw Broken(fmt::format(
        "task {} is restored otherwise: {} | {}", id.value, text(live), text(restored)));
  }
  const Reason a = fresh.explain(id);
  const Reason b = scheduler_->explain(id);
  const bool ready =
      is_about_room(b.kind) || b.kind == Reason::Kind::paused || b.kind == Reason::Kind::parallel;
  if (ready && restored.queued != live.queued) {
    throw Broken(fmt::format(
        "task {} is restored as ready since {}, not {} ms",
        id.value,
        restored.queued.ms(),
        live.queued.ms()));
  }
  if (a.kind != b.kind || a.nodes != b.nodes || a.fitting != b.fitting) {
    throw Broken(
        fmt::format("task {} waits for another reason: {} | {}", id.value, text(b), text(a)));
  }
}

}  // namespace cattino::sim
