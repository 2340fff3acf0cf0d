// Attempts: started and stopped.
#include "engine/effects.h"

#include <cerrno>

#include "engine/magics.h"

namespace cattino::engine {

Effects::Effects(World& world, Turn& turn, Feed& feed)
    : world_(world),
      turn_(turn),
      feed_(feed),
      hosts_(host_handlers()),
      hang_timer_(world.loop),
      shell_(shell_words(world.options.settings.shell)) {}

void Effects::act(const core::Action& action) {
  if (const auto* wanted = std::get_if<core::StartAttempt>(&action)) {
    start(wanted->attempt);
  } else if (const auto* unwanted = std::get_if<core::StopAttempt>(&action)) {
    stop(unwanted->attempt);
  } else if (const auto* early = std::get_if<core::RecallAttempt>(&action)) {
    world_.client->send(supervisor::Recall{early->attempt.key()});
  } else if (const auto* hook = std::get_if<core::RunHook>(&action)) {
    run_hook(*hook);
  } else if (const auto* late = std::get_if<core::HurryHook>(&action)) {
    hurry_hook(late->attempt);
  } else if (const auto* ended = std::get_if<core::SubmissionEnded>(&action)) {
    submission_ended(ended->submission);
  }
}

void Effects::start(AttemptId attempt) {
  const core::TaskState* state = world_.core.state(attempt.task);
  if (state == nullptr || state->attempt != attempt.number ||
      state->phase != core::TaskPhase::starting) {
    return;  // its end was asked for before it began
  }
  const Result<store::Task> task = world_.store->task(attempt.task);
  if (!task) {
    refuse(attempt, task.error());
    return;
  }
  const store::Submission* submission = world_.submission(task->submission);
  if (submission == nullptr) {
    refuse(attempt, {ErrorCode::corrupt, "the submission of the task is not stored"});
    return;
  }
  const Result<EnvironmentFacts> facts = environment(submission->environment);
  if (!facts) {
    refuse(attempt, facts.error());
    return;
  }
  Running& running = world_.running[attempt.task];
  running.attempt = attempt;
  running.submission = task->submission;
  running.fullname = task->fullname;
  running.function = task->program.kind == store::ProgramKind::function;
  if (running.master_port == 0) {
    running.master_port = ports_.take(world_.clock.now());
  }
  const Launch launch{
      task.value(),
      *submission,
      *state,
      world_.inventory,
      facts.value(),
      shell_,
      running.master_port,
      world_.options.settings.log_limit,
      world_.options.settings.enforce};
  running.maybe_sent = running.maybe_sent || world_.connected || running.function;
  if (running.function) {
    start_function(launch, running);
  } else if (world_.connected) {  // else it is asked for again
    supervisor::Spawn spawn = spawn_of(launch);
    if (const core::TaskState* front = world_.core.state(state->behind); front != nullptr) {
      spawn.after = AttemptId{state->behind, front->attempt}.key();
    }
    world_.client->send(spawn);
  }
}

void Effects::start_function(const Launch& launch, Running& running) {
  host::RunCall call = run_call_of(launch);
  call.copier = world_.options.copier;
  hosts_.call(
      running.submission, call.call, host::run_line(call), world_.options.settings.hook_timeout);
}

/// What is stored cannot be read: the attempt has not begun.
void Effects::refuse(AttemptId attempt, const Error& error) {
  if (const auto at = world_.running.find(attempt.task); at != world_.running.end()) {
    process_gone(at->second);
  }
  note(core::Node::of(attempt.task), attempt.number, error.message);
  turn_.step(core::AttemptExited{attempt, ExitStatus::of_stage(StartStage::executable, EIO)});
}

void Effects::stop(AttemptId attempt) const {
  world_.stop(attempt.key());
}

void Effects::process_known(const Running& running) {
  if (running.function) {
    hosts_.answered(
        running.submission,
        to_text({core::Node::of(running.attempt.task), running.attempt.number, {}}));
  }
}

void Effects::process_gone(Running& running) {
  process_known(running);
  if (running.master_port != 0) {
    ports_.give_back(running.master_port);
    running.master_port = 0;
  }
}

void Effects::submission_ended(SubmissionId submission) {
  hosts_.leave(submission);
  world_.forget_submission(submission);
}

Result<EnvironmentFacts> Effects::environment(std::uint64_t id) {
  const auto known = facts_.find(id);
  if (known != facts_.end() && defined_.contains(id)) {
    return known->second;
  }
  Result<std::vector<std::string>> variables = world_.store->environment(id);
  if (!variables) {
    return variables.error();
  }
  const EnvironmentFacts facts = EnvironmentFacts::of(variables.value());
  facts_.insert_or_assign(id, facts);
  if (world_.connected) {
    defined_.insert(id);
    world_.client->send(supervisor::DefineEnvironment{id, std::move(variables.value())});
  }
  return facts;
}

}  // namespace cattino::engine
