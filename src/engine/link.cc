// Reports of the supervisor, and reconciliation.
#include "engine/link.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace cattino::engine {

namespace {

bool should_have_process(core::TaskPhase phase) {
  return phase == core::TaskPhase::starting || phase == core::TaskPhase::process ||
         phase == core::TaskPhase::stopping;
}

}  // namespace

Link::Link(World& world, Turn& turn, Effects& effects, std::function<void()> synced)
    : world_(world), turn_(turn), effects_(effects), when_synced_(std::move(synced)) {}

supervisor::Handlers Link::handlers() {
  supervisor::Handlers handlers;
  handlers.received = [this](const supervisor::FromSupervisor& message) {
    received(message);
  };
  handlers.disconnected = [this] {
    world_.connected = false;
    synced_ = false;
    reconciled_ = false;
  };
  handlers.batch_ended = [this] {
    turn_.end();
  };
  return handlers;
}

void Link::received(const supervisor::FromSupervisor& message) {
  if (const auto* start = std::get_if<supervisor::Started>(&message)) {
    started(*start);
  } else if (const auto* exit = std::get_if<supervisor::Exited>(&message)) {
    exited(*exit);
  } else if (const auto* hello = std::get_if<supervisor::Welcome>(&message)) {
    welcome(*hello);
  } else if (std::holds_alternative<supervisor::Synced>(message)) {
    all_told();
  }
}

void Link::welcome(const supervisor::Welcome& message) {
  world_.connected = true;
  synced_ = false;
  reconciled_ = false;
  reported_.clear();
  effects_.forget_environments();
  effects_.hosts().expect_report();
  epoch_ = fmt::format("{} {}", message.boot_id, message.epoch);
  const Result<std::string> stored = world_.store->fact("epoch");
  same_guardian_ = stored && stored.value() == epoch_;
}

void Link::started(const supervisor::Started& message) {
  if (!synced_) {
    reported_.insert(message.key);
  }
  if (HostKey::is_host(message.key)) {
    effects_.host_started(HostKey::from_key(message.key));
    return;
  }
  const AttemptId attempt = AttemptId::from_key(message.key);
  const auto at = world_.running.find(attempt.task);
  if (at == world_.running.end() || at->second.attempt != attempt) {
    return;
  }
  Running& running = at->second;
  if (running.pid != message.pid) {
    running.pid = message.pid;
    turn_.changes().put_pid(attempt, message.pid);
  }
  effects_.process_known(running);
  turn_.step(core::AttemptStarted{attempt});
}

void Link::exited(const supervisor::Exited& message) {
  if (!synced_) {
    reported_.insert(message.key);
  }
  turn_.acknowledge(message.key);
  if (HostKey::is_host(message.key)) {
    effects_.host_exited(HostKey::from_key(message.key), message.status);
    return;
  }
  const AttemptId attempt = AttemptId::from_key(message.key);
  const core::TaskState* state = world_.core.state(attempt.task);
  const auto at = world_.running.find(attempt.task);
  if (state == nullptr || at == world_.running.end() || at->second.attempt != attempt ||
      !should_have_process(state->phase)) {
    return;  // told before
  }
  Running& running = at->second;
  if (message.pid != 0) {
    running.pid = message.pid;
  }
  store::Attempt row;
  row.id = attempt;
  row.started = running.started;
  row.ended = world_.clock.now();
  row.pid = running.pid;
  row.devices = running.devices;
  row.host = running.host;
  row.status = message.status;
  row.user_us = message.user_us;
  row.system_us = message.system_us;
  row.max_rss_kib = message.max_rss_kib;
  turn_.changes().put_end(std::move(row));
  effects_.process_gone(running);
  turn_.step(core::AttemptExited{attempt, message.status});
}

void Link::all_told() {
  synced_ = true;
  when_synced_();
  reconcile();
}

void Link::reconcile() {
  if (!synced_ || reconciled_ || !world_.inventory_known) {
    return;
  }
  reconciled_ = true;
  std::vector<TaskId> tasks;
  for (const auto& [task, running] : world_.running) {
    tasks.push_back(task);
  }
  std::sort(tasks.begin(), tasks.end());
  for (const TaskId task : tasks) {
    const auto at = world_.running.find(task);
    const core::TaskState* state = world_.core.state(task);
    if (at == world_.running.end() || state == nullptr || !should_have_process(state->phase) ||
        reported_.contains(at->second.attempt.key())) {
      continue;
    }
    const bool may_start =
        state->phase == core::TaskPhase::starting && (same_guardian_ || !at->second.maybe_sent);
    if (!may_start) {
      lose(at->second);
    }
  }
  if (!same_guardian_) {
    turn_.changes().set_fact("epoch", epoch_);
    turn_.write_soon();
  }
  effects_.hosts().forget_unknown();
  core::Actions again = world_.core.outstanding();
  std::erase_if(again, [this](const core::Action& action) {
    const auto* start = std::get_if<core::StartAttempt>(&action);
    return start != nullptr && reported_.contains(start->attempt.key());
  });
  turn_.repeat(std::move(again));
  reported_.clear();
}

void Link::lose(const Running& running) {
  store::Attempt row;
  row.id = running.attempt;
  row.started = running.started;
  row.ended = world_.clock.now();
  row.pid = running.pid;
  row.devices = running.devices;
  row.host = running.host;
  row.status = ExitStatus::of_lost();
  const AttemptId attempt = running.attempt;
  turn_.changes().put_end(std::move(row));
  turn_.step(core::AttemptExited{attempt, ExitStatus::of_lost()});
}

}  // namespace cattino::engine
