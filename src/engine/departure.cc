// Leaving.
#include "engine/departure.h"

#include <utility>
#include <variant>
#include <vector>

#include "engine/select.h"

namespace cattino::engine {

namespace {

/// Answers under way reach their readers before the program ends.
constexpr Duration farewell = Duration::milliseconds(50);
/// With `shutdown-on-complete`: long enough for the next command of a script.
constexpr Duration short_idle = Duration::milliseconds(500);

std::vector<TaskId> ids_of(const Selected& selected) {
  std::vector<TaskId> tasks;
  for (const store::TaskRow& row : selected.tasks) {
    tasks.push_back(row.task.spec.id);
  }
  return tasks;
}

}  // namespace

Departure::Departure(Parts parts)
    : parts_(parts),
      last_touch_(parts.world.clock.now()),
      idle_timer_(parts.world.loop),
      going_timer_(parts.world.loop) {}

bool Departure::quiet() const {
  const core::Scheduler::Counts counts = parts_.world.core.counts();
  return parts_.world.inventory_known && counts.running == 0 && counts.ready == 0 &&
         !parts_.turn.timer_armed() && !parts_.effects.hosts().busy();
}

Duration Departure::patience() const {
  const settings::Settings& settings = parts_.world.options.settings;
  return settings.shutdown_on_complete && parts_.world.had_work ? short_idle
                                                                : settings.shutdown_after_idle;
}

void Departure::consider() {
  if (stage_ == Stage::stopping) {
    finish_stopping();
    return;
  }
  const bool idle = stage_ == Stage::here && quiet() && parts_.turn.all_written() &&
                    parts_.waits.empty() && !parts_.feed.followed();
  if (!idle) {
    if (idle_armed_) {
      idle_timer_.cancel();
      idle_armed_ = false;
    }
  } else if (!idle_armed_) {
    arm_idle();
  }
}

void Departure::arm_idle() {
  idle_armed_ = true;
  const Duration passed = parts_.world.clock.now() - last_touch_;
  const Duration left = std::max(patience() - passed, short_idle);
  idle_timer_.arm(left, [this] { idle_over(); });
}

void Departure::idle_over() {
  idle_armed_ = false;
  if (parts_.world.clock.now() - last_touch_ < patience()) {
    consider();  // somebody came by
    return;
  }
  go(status_done);
}

// ---- on request -------------------------------------------------------------------------------------

void Departure::leave(bool keep_tasks, Answer<std::uint64_t> answer) {
  if (stage_ != Stage::here) {
    parts_.world.loop.post([answer = std::move(answer)] {
      answer(Error{ErrorCode::conflict, "the backend is leaving already"});
    });
    return;
  }
  World& world = parts_.world;
  world.leaving = true;
  answer_ = std::move(answer);
  if (keep_tasks) {
    stage_ = Stage::going;
    parts_.turn.answer([this](const Status& synced) {
      std::exchange(answer_, {})(synced ? Result<std::uint64_t>(0U) : synced.error());
      // With nothing to keep all leave: the next command starts all of them anew, of its own version.
      const bool kept =
          parts_.world.core.counts().running > 0 || parts_.effects.hosts().any_alive();
      go(kept ? status_replaced : status_done);
    });
    parts_.turn.write_soon();
    parts_.turn.end_soon();
    return;
  }
  stage_ = Stage::stopping;
  parts_.effects.hurry_hooks();
  parts_.turn.step(core::Paused{true});
  Selection running;
  running.all = true;
  SelectOptions options;
  options.statuses = {core::TaskStatus::running};
  options.hidden = true;
  world.read<Result<Selected>>(
      [running, options](store::Reader& reader) { return select(reader, running, options); },
      [this](const Result<Selected>& selected) {
        stop_tasks(selected ? ids_of(selected.value()) : std::vector<TaskId>());
      });
}

void Departure::stop_tasks(const std::vector<TaskId>& tasks) {
  core::Requested request;
  request.cause = core::Cause::shutdown;
  for (const TaskId task : tasks) {
    if (parts_.world.core.would_change(core::Verb::cancel, task)) {
      request.tasks.push_back(task);
    }
  }
  stopped_ = request.tasks.size() + parts_.world.unknown.size();
  stop_asked_ = true;
  if (!request.tasks.empty()) {
    parts_.turn.step(request);
  }
  parts_.world.end_unknown();
  parts_.turn.end_soon();
}

/// All have ended, and that is on disk: hosts go, then we.
void Departure::finish_stopping() {
  if (!stop_asked_ || parts_.world.core.counts().running > 0 || !parts_.world.unknown.empty() ||
      parts_.effects.hosts().busy() || !parts_.turn.all_written()) {
    return;
  }
  stage_ = Stage::going;
  std::exchange(answer_, {})(stopped_);
  go(status_done);
}

void Departure::fail() {
  if (stage_ != Stage::going) {
    go(status_failed);
  }
}

void Departure::go(int status) {
  stage_ = Stage::going;
  parts_.world.leaving = true;
  if (status == status_done) {
    FeedItem item;
    item.event = "leaving";
    item.at = parts_.world.clock.now();
    item.text = "the backend leaves";
    parts_.feed.add(std::move(item));
    parts_.feed.deliver();
    parts_.waits.abandon();
    parts_.effects.hosts().leave_all();
    parts_.effects.stop_hosts();
    parts_.world.client->flush();
  }
  // The guardian tells the supervisor to leave when it sees our exit status.
  going_timer_.arm(farewell, [this, status] {
    if (left_) {
      left_(status);
    }
  });
}

}  // namespace cattino::engine
