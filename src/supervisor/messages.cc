// What each message to the supervisor does.
#include <csignal>
#include <utility>

#include <unistd.h>

#include "base/ids.h"
#include "base/version.h"
#include "supervisor/supervisor.h"
#include "supervisor/tokens.h"
#include "sys/faults.h"

namespace cattino::supervisor {

void Supervisor::on(std::uint64_t id, const Hello& hello) {
  Connection& connection = connections_.at(id);
  if (hello.role == Role::child) {
    return;
  }
  const Welcome welcome{
      protocol_version, boot_id_, options_.epoch, complete_, program_version, ::getpid()};
  if (hello.version != protocol_version) {
    connection.send(welcome);
    return;
  }
  if (daemon_ != 0 && daemon_ != id) {
    drop(daemon_);
  }
  daemon_ = id;
  news_due_ = {};
  connection.send(welcome);
  for (const auto& [key, attempt] : attempts_) {
    tell_state(attempt);
  }
  connection.send(Synced{});
}

void Supervisor::on(std::uint64_t id, DefineEnvironment& definition) {
  connections_.at(id).environments[definition.id] =
      std::make_shared<const Environment>(std::move(definition.variables));
}

void Supervisor::on(std::uint64_t id, Spawn& spawn) {
  if (!may_be_given(spawn.key)) {
    return;  // No key of any attempt.
  }
  if (const Attempt* known = find(spawn.key)) {
    tell_state(*known);
    return;
  }
  sys::fault_point("supervisor.spawn-heard");
  Attempt& attempt = add(spawn.key);
  attempt.plain = spawn.plain || HostKey::is_host(spawn.key);
  attempt.stderr_path = spawn.stderr_path;
  auto job = std::make_shared<LaunchJob>();
  const auto& environments = connections_.at(id).environments;
  const auto environment = environments.find(spawn.environment);
  if (environment != environments.end()) {
    job->environment = environment->second;
  }
  job->spawn = std::move(spawn);
  attempt.job = job;
  if (!hold(attempt, job->spawn.after)) {
    launch(std::move(job));
  }
}

void Supervisor::on(std::uint64_t /*id*/, const Stop& message) {
  if (!may_be_given(message.key)) {
    return;
  }
  if (Attempt* attempt = find(message.key)) {
    stop(*attempt, message);
    return;
  }
  // Remembered until acknowledged: a child of that key that comes later is told not to run.
  end_without_process(add(message.key), ExitStatus::of_lost());
}

void Supervisor::stop(Attempt& attempt, const Stop& message) {
  sys::fault_point("supervisor.stop-heard");
  const bool repeated = attempt.stop_signal != 0;
  switch (attempt.state) {
    case Attempt::State::queued:
      attempt.stop_signal = message.signal;
      attempt.stop_grace = message.grace;
      if (attempt.job && launcher_.cancel(*attempt.job)) {
        attempt.job.reset();
        end_without_process(attempt, ExitStatus::of_signal(message.signal));
      }
      break;
    case Attempt::State::running:
      if (!repeated || (message.signal == SIGKILL && attempt.stop_signal != SIGKILL)) {
        attempt.stop_signal = message.signal;
        attempt.stop_grace = message.grace;
        begin_stop(attempt);
      }
      break;
    case Attempt::State::ended:
      if (attempt.phase == Attempt::Phase::none || attempt.phase == Attempt::Phase::lingering) {
        attempt.phase = Attempt::Phase::asked;
        look_later(attempt);
      }
      break;
    case Attempt::State::exited:
      tell_state(attempt);
      break;
  }
}

void Supervisor::on(std::uint64_t /*id*/, const Acknowledge& acknowledge) {
  const Attempt* attempt = find(acknowledge.key);
  if (attempt != nullptr && attempt->state == Attempt::State::exited) {
    sys::fault_point("supervisor.acknowledged");
    journal_.acknowledged(acknowledge.key);
    attempts_.erase(acknowledge.key);
  }
}

void Supervisor::on(std::uint64_t /*id*/, const Leave& /*leave*/) {
  leaving_ = true;
  for (auto& [key, attempt] : attempts_) {
    if (attempt.state != Attempt::State::exited) {
      stop(attempt, Stop{key});
    }
  }
}

void Supervisor::on(std::uint64_t id, const Adopt& adopt) {
  if (!may_be_given(adopt.key)) {
    return;
  }
  const Attempt* known = find(adopt.key);
  bool go = known != nullptr && known->state == Attempt::State::running && known->pid == adopt.pid;
  if (known == nullptr) {
    sys::Fd pidfd = sys::open_pidfd(adopt.pid);
    go = static_cast<bool>(pidfd);
    if (go) {
      Attempt& attempt = add(adopt.key);
      attempt.state = Attempt::State::running;
      attempt.our_child = false;
      attempt.pid = adopt.pid;
      attempt.pidfd = std::move(pidfd);
      attempt.started = clock_.now();
      attempt.launched = sys::since_boot();
      key_of_pid_[attempt.pid] = attempt.key;
      give_slot_to_child(attempt, adopt.bounds);
      journal_.intend(attempt.key, attempt.slot_number());
      journal_.spawned(attempt.key, attempt.pid, attempt.slot_number());
      poller_.add(attempt.pidfd.get(), attempt.key);
      tell_state(attempt);
    }
  }
  // Leaves at the end of the turn, after the journal is written.
  connections_.at(id).send(Adopted{adopt.key, go});
}

void Supervisor::on(std::uint64_t /*id*/, const ChildExited& child) {
  Attempt* attempt = find(child.key);
  if (attempt != nullptr && attempt->state == Attempt::State::running && !attempt->our_child) {
    sys::ProcessExit ended;
    ended.pid = attempt->pid;
    ended.status = child.status;
    end_leader(*attempt, ended);
  }
}

}  // namespace cattino::supervisor
