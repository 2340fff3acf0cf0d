// The turn.
#include "engine/turn.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>
#include <variant>

#include "engine/reasons.h"
#include "sys/faults.h"

namespace cattino::engine {

namespace {

/// Submissions larger than this are not told task by task when they are created.
constexpr std::uint64_t told_one_by_one = 1000;

bool is_effect(const core::Action& action) {
  return std::holds_alternative<core::StartAttempt>(action) ||
         std::holds_alternative<core::StopAttempt>(action) ||
         std::holds_alternative<core::RecallAttempt>(action) ||
         std::holds_alternative<core::RunHook>(action) ||
         std::holds_alternative<core::HurryHook>(action) ||
         std::holds_alternative<core::SubmissionEnded>(action);
}

}  // namespace

Turn::Turn(World& world, Feed& feed)
    : world_(world),
      feed_(feed),
      timer_(world.loop),
      soft_timer_(world.loop),
      retry_timer_(world.loop) {}

void Turn::step(const core::Event& event) {
  actions_.clear();
  world_.core.step(world_.clock.now(), event, actions_);
  bool effects = false;
  for (const core::Action& action : actions_) {
    effects = effects || is_effect(action);
    take(action, event);
  }
  if (effects || (!actions_.empty() && !std::holds_alternative<core::AttemptStarted>(event))) {
    urgent_ = true;
  }
  if (const auto* work = std::get_if<core::Submitted>(&event);
      work != nullptr && work->tasks.size() <= told_one_by_one) {
    for (const core::TaskSpec& task : work->tasks) {
      FeedItem item;
      item.event = "created";
      item.at = task.created;
      item.task = task.id;
      feed_.add(std::move(item));
    }
  }
}

void Turn::repeat(core::Actions actions) {
  std::erase_if(effects_, [](const core::Action& action) {
    return !std::holds_alternative<core::SubmissionEnded>(action);  // the others are in `actions`
  });
  for (core::Action& action : actions) {
    if (const auto* timer = std::get_if<core::ArmTimer>(&action)) {
      arm(timer->at);
    } else {
      effects_.push_back(std::move(action));
    }
  }
  urgent_ = true;
}

void Turn::take(const core::Action& action, const core::Event& event) {
  if (const auto* task = std::get_if<core::TaskChanged>(&action)) {
    task_changed(*task, event);
  } else if (const auto* group = std::get_if<core::GroupChanged>(&action)) {
    changes_.put(group->group, group->state);
  } else if (const auto* timer = std::get_if<core::ArmTimer>(&action)) {
    arm(timer->at);
  } else {
    if (const auto* start = std::get_if<core::StartAttempt>(&action)) {
      start_wanted(start->attempt);
    }
    effects_.push_back(action);
  }
}

void Turn::task_changed(const core::TaskChanged& change, const core::Event& event) {
  changes_.put(change.task, change.state);
  const auto* request = std::get_if<core::Requested>(&event);
  if (request != nullptr && request->verb == core::Verb::resume &&
      !core::has_ended(change.state.status)) {
    // It holds its name again, and may run already.
    const std::uint64_t hash = LiveNames::hash(world_.fullname_of(change.task));
    if (!world_.names.contains(hash, change.task)) {
      world_.names.add(hash, change.task);
    }
  }
  tell_feed(change, event);
  if (outlets_.changed) {
    outlets_.changed(change.task, change.state);
  }
  if (change.state.status != core::TaskStatus::running) {
    world_.running.erase(change.task);
  }
}

void Turn::tell_feed(const core::TaskChanged& change, const core::Event& event) {
  const core::TaskState& state = change.state;
  FeedItem item;
  if (core::has_ended(state.status)) {
    item.event = "ended";
  } else if (std::holds_alternative<core::HooksReset>(event)) {
    item.event = "changed";
  } else if (state.status == core::TaskStatus::running) {
    if (state.phase != core::TaskPhase::process && !state.end_requested) {
      return;  // not news to people
    }
    item.event = state.end_requested ? "changed" : "started";
  } else {
    if (std::holds_alternative<core::AttemptRecalled>(event)) {
      return;  // it never began, for all that people know
    }
    item.event = std::holds_alternative<core::Requested>(event) ? "changed" : "requeued";
  }
  item.at = world_.clock.now();
  item.task = change.task;
  item.status = state.status;
  item.attempt = state.attempt;
  item.exit = state.last_exit;
  const auto at = world_.running.find(change.task);
  if (at != world_.running.end()) {
    item.fullname = at->second.fullname;
    for (const std::uint16_t device : at->second.devices) {
      item.devices.push_back(world_.device_name(device));
    }
  }
  // Thousands may be cancelled because of one: its name is looked up only for those who listen.
  if (item.event == "ended" && (state.cause != core::Cause::dependency || feed_.followed())) {
    item.reason = short_end(state, [this](core::Node node) { return world_.fullname_of(node); });
  }
  feed_.add(std::move(item));
}

void Turn::start_wanted(AttemptId attempt) {
  const core::TaskState* state = world_.core.state(attempt.task);
  if (state == nullptr) {
    return;
  }
  Running running;
  running.attempt = attempt;
  running.started = world_.clock.now();
  running.devices = state->allocation.devices;
  running.host = state->allocation.host;
  running.recorded = !state->behind;  // else it may be recalled
  if (running.recorded) {
    changes_.put_start(attempt_row(running));
  }
  world_.running.insert_or_assign(attempt.task, std::move(running));
}

void Turn::arm(Time at) {
  timer_at_ = at;
  if (!at) {
    timer_.cancel();
    return;
  }
  const Duration delay = std::max(at - world_.clock.now(), Duration{});
  timer_.arm(delay, [this] {
    const Time now = world_.clock.now();
    if (now < timer_at_) {
      arm(timer_at_);  // rounded down
      return;
    }
    timer_at_ = {};
    step(core::TimerFired{});
    end();
  });
}

// ---- the end of a turn ------------------------------------------------------------------------------

void Turn::end_soon() {
  if (end_posted_) {
    return;
  }
  end_posted_ = true;
  world_.loop.post(world_.guarded([this] {
    end_posted_ = false;
    end();
  }));
}

void Turn::end() {
  if (ending_) {
    return;  // an effect stepped the core: the loop below takes it
  }
  ending_ = true;
  urgent_ = urgent_ || feed_.followed();
  while (urgent_ && !failing_) {
    urgent_ = false;
    if (write()) {
      run_effects();
    }
  }
  ending_ = false;
  settle();
}

/// Who asked while writes failed read what was stored before.
void Turn::tell_again() {
  if (!std::exchange(told_late_, false) || !outlets_.changed) {
    return;
  }
  for (const auto& [task, state] : changes_.tasks()) {
    outlets_.changed(task, state);
  }
}

bool Turn::write() {
  tell_again();
  if (!changes_.empty()) {
    sys::fault_point("engine.before-write");
    const Status written = changes_.write(*world_.store);
    if (!written) {
      failed(written.error());
      return false;
    }
    unsynced_ = true;
    sys::fault_point("engine.written");
  }
  return true;
}

void Turn::failed(const Error& error) {
  if (error.code == ErrorCode::corrupt) {
    outlets_.broken();  // the next daemon looks at the whole state, and refuses it
  }
  failing_ = true;
  told_late_ = true;
  why_failing_ = error;
  urgent_ = true;
  for (auto& answer : std::exchange(answers_, {})) {
    Error told = error;
    told.hint = "it takes effect as soon as it can be stored" +
                (error.hint.empty() ? std::string() : "; " + error.hint);
    answer(told);
  }
  retry_timer_.arm(retry_delay, [this] {
    failing_ = false;
    end();
  });
}

void Turn::run_effects() {
  for (const core::Action& action : std::exchange(effects_, {})) {
    sys::fault_point("engine.before-effect");
    outlets_.effect(action);
  }
}

void Turn::tell() {
  if (changes_.empty()) {
    feed_.deliver();
  }
}

void Turn::settle() {
  sys::fault_point("engine.before-sending");
  world_.client->flush();
  sys::fault_point("engine.sent");
  tell();
  if (!failing_) {
    if (!answers_.empty() || !stored_.empty()) {
      sync();
    } else if (unsynced_ || !changes_.empty() || !acknowledgements_.empty()) {
      soft_write();
    }
  } else if (!stored_.empty()) {
    auto batch = std::make_shared<Batch>();
    batch->answers.swap(stored_);
    sync(batch);
  }
  outlets_.ended();
}

void Turn::soft_write() {
  if (soft_armed_) {
    return;
  }
  soft_armed_ = true;
  soft_timer_.arm(soft_delay, [this] {
    soft_armed_ = false;
    if (!failing_ && write()) {
      tell();
      sync();
    }
  });
}

void Turn::sync() {
  unsynced_ = false;
  auto batch = std::make_shared<Batch>();
  batch->answers.swap(answers_);
  std::move(stored_.begin(), stored_.end(), std::back_inserter(batch->answers));
  stored_.clear();
  batch->acknowledgements.swap(acknowledgements_);
  sync(batch);
}

void Turn::sync(const std::shared_ptr<Batch>& batch) {
  ++syncing_;
  sys::fault_point("engine.before-sync");
  world_.store->sync(
      world_.guarded<Status>([this, batch](const Status& status) { synced(status, *batch); }));
}

void Turn::synced(const Status& status, Batch& batch) {
  --syncing_;
  sys::fault_point("engine.synced");
  for (auto& answer : batch.answers) {
    answer(status);
  }
  sys::fault_point("engine.answered");
  if (status) {
    for (const std::uint64_t key : batch.acknowledgements) {
      world_.client->send(supervisor::Acknowledge{key});
    }
    world_.client->flush();
    sys::fault_point("engine.acknowledged");
  } else {
    outlets_.broken();  // what was not acknowledged is told again to the next daemon
    return;
  }
  outlets_.ended();
}

Status Turn::fence() {
  if (failing_) {
    Error refused = why_failing_;
    refused.message = "nothing can be changed now: " + refused.message;
    return refused;
  }
  if (Status put = world_.store->set_fact("fence", std::to_string(world_.clock.now().us)); !put) {
    (void)world_.store->commit();
    return put;
  }
  Status committed = world_.store->commit();
  unsynced_ = unsynced_ || static_cast<bool>(committed);
  return committed;
}

}  // namespace cattino::engine
