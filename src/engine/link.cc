// Reports of the supervisor, and reconciliation.
#include "engine/link.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/version.h"
#include "sys/faults.h"

namespace cattino::engine {

namespace {

/// The life of the guardian under which all that is stored was sent.
constexpr const char* life_fact = "guardian";

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
    world_.supervisor_problem = {};
    record_starts();
    turn_.end();
    replace_if_idle();
  };
  handlers.refused = [this](std::uint32_t version) {
    world_.supervisor_problem = fmt::format(
        "tasks of another version run, whose supervisor speaks version {} of the protocol, not {}",
        version,
        supervisor::protocol_version);
  };
  return handlers;
}

void Link::received(const supervisor::FromSupervisor& message) {
  if (const auto* start = std::get_if<supervisor::Started>(&message)) {
    started(*start);
  } else if (const auto* exit = std::get_if<supervisor::Exited>(&message)) {
    exited(*exit);
  } else if (const auto* queued = std::get_if<supervisor::Queued>(&message)) {
    reported_.insert(queued->key);
  } else if (const auto* early = std::get_if<supervisor::Recalled>(&message)) {
    recalled(*early);
  } else if (const auto* hello = std::get_if<supervisor::Welcome>(&message)) {
    welcome(*hello);
  } else if (std::holds_alternative<supervisor::Synced>(message)) {
    all_told();
  }
}

void Link::welcome(const supervisor::Welcome& message) {
  synced_ = false;
  reconciled_ = false;
  reported_.clear();
  world_.unknown.clear();
  effects_.forget_environments();
  effects_.hosts().expect_report();
  outdated_ = message.program != program_version;
  if (message.pid != 0) {
    world_.options.supervisor_pid = message.pid;
  }
  life_ = fmt::format("{} {}", message.boot_id, message.epoch);
  const Result<std::string> stored = world_.store->fact(life_fact);
  knows_all_ = message.complete || (stored && stored.value() == life_);
}

void Link::started(const supervisor::Started& message) {
  sys::fault_point("engine.start-heard");
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
    world_.unknown[message.key] = {attempt, message.pid, message.at};
    return;
  }
  world_.unknown.erase(message.key);
  Running& running = at->second;
  running.process_started = message.at;
  if (running.pid != message.pid) {
    running.pid = message.pid;
    record_pid(running);
    note_what_is_free(attempt, message);
  }
  effects_.process_known(running);
  turn_.step(core::AttemptStarted{attempt});
}

/// The kernel was to hold it to its request, and cannot: whoever reads its log should know.
void Link::note_what_is_free(AttemptId attempt, const supervisor::Started& message) {
  if (message.memory_is_free || message.cpus_are_free) {
    const char* const what = !message.cpus_are_free   ? "ram"
                             : message.memory_is_free ? "ram and cpus"
                                                      : "cpus";
    effects_.note(
        core::Node::of(attempt.task),
        attempt.number,
        fmt::format("the setting enforce has no effect on its {}: no cgroup limits it here", what));
  }
}

void Link::exited(const supervisor::Exited& message) {
  sys::fault_point("engine.exit-heard");
  if (!synced_) {
    reported_.insert(message.key);
  }
  world_.unknown.erase(message.key);
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
  store::Attempt row = attempt_row(running);
  row.ended = world_.clock.now();
  if (!running.recorded && running.process_started) {
    // It was started ahead of time, and told of late: what is known is how long it ran.
    row.started = row.ended - std::max(message.at - running.process_started, Duration{});
  }
  row.status = message.status;
  row.user_us = message.user_us;
  row.system_us = message.system_us;
  row.max_rss_kib = message.max_rss_kib;
  turn_.changes().put_end(std::move(row), running.recorded);
  effects_.process_gone(running);
  turn_.step(core::AttemptExited{attempt, message.status, message.out_of_memory});
}

/// Written with the next turn. An end in the same turn makes both needless.
void Link::record_pid(Running& running) {
  if (running.recorded) {
    turn_.changes().put_pid(running.attempt, running.pid);
    return;
  }
  unrecorded_.push_back(running.attempt);
}

/// Attempts of lines that began, and have not ended within the batch of reports that told of it.
void Link::record_starts() {
  for (const AttemptId attempt : std::exchange(unrecorded_, {})) {
    const auto at = world_.running.find(attempt.task);
    if (at != world_.running.end() && at->second.attempt == attempt) {
      at->second.started = at->second.restored ? at->second.started : world_.clock.now();
      at->second.recorded = true;
      turn_.changes().put_start(attempt_row(at->second));
    }
  }
}

void Link::recalled(const supervisor::Recalled& message) {
  const AttemptId attempt = AttemptId::from_key(message.key);
  const auto at = world_.running.find(attempt.task);
  if (at == world_.running.end() || at->second.attempt != attempt) {
    return;
  }
  effects_.process_gone(at->second);
  turn_.step(core::AttemptRecalled{attempt});
}

void Link::all_told() {
  world_.connected = true;
  synced_ = true;
  when_synced_();
  reconcile();
}

void Link::reconcile() {
  if (!synced_ || reconciled_ || !world_.inventory_known) {
    return;
  }
  reconciled_ = true;
  sys::fault_point("engine.reconciling");
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
        state->phase == core::TaskPhase::starting && (knows_all_ || !at->second.maybe_sent);
    if (!may_start) {
      lose(at->second);
    }
  }
  turn_.changes().set_fact(life_fact, life_);
  turn_.write_soon();
  effects_.hosts().forget_unknown();
  core::Actions again = world_.core.outstanding();
  std::erase_if(again, [this](const core::Action& action) {
    const auto* start = std::get_if<core::StartAttempt>(&action);
    return start != nullptr && reported_.contains(start->attempt.key());
  });
  turn_.repeat(std::move(again));
  reported_.clear();
}

/// The programs beside this daemon are newer than the supervisor, which the guardian starts anew when
/// somebody connects: we do. What was sent to the old one in its last moment is sent again.
void Link::replace_if_idle() {
  if (!outdated_ || replaced_ || !reconciled_ || !world_.running.empty() ||
      effects_.hosts().any_alive()) {
    return;
  }
  replaced_ = true;
  world_.client->send(supervisor::Leave{});
  world_.client->flush();
}

void Link::lose(Running& running) {
  store::Attempt row = attempt_row(running);
  row.ended = world_.clock.now();
  row.status = ExitStatus::of_lost();
  const AttemptId attempt = running.attempt;
  turn_.changes().put_end(std::move(row), running.recorded);
  effects_.process_gone(running);
  turn_.step(core::AttemptExited{attempt, ExitStatus::of_lost()});
}

}  // namespace cattino::engine
