// Hooks and functions: calls to the Python hosts, and what comes of them.
#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <fmt/core.h>

#include "engine/effects.h"
#include "engine/paths.h"
#include "sys/faults.h"
#include "sys/fd.h"
#include "sys/files.h"

namespace cattino::engine {

namespace {

bool append_line(const std::string& path, const std::string& line) {
  (void)sys::make_directories(sys::directory_of(path));
  const sys::Fd file{::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)};
  return file && sys::write_all(file.get(), line) == 0;
}

/// The status that `self` shows.
std::string shown_status(const core::RunHook& hook) {
  return hook.shown ? core::name(*hook.shown) : "MultiStatus";
}

/// The hook that follows on_end in the same call.
std::string sequel_hook(const core::RunHook& hook) {
  if (hook.again) {
    return "on_retry";
  }
  return hook.failed ? "on_fail" : "";
}

std::optional<std::int32_t> exit_code(const ExitStatus& status) {
  if (status.kind == ExitStatus::Kind::code) {
    return status.value;
  }
  if (status.kind == ExitStatus::Kind::signal) {
    return -status.value;
  }
  return std::nullopt;
}

}  // namespace

host::Handlers Effects::host_handlers() {
  host::Handlers handlers;
  handlers.start = [this](HostKey key) {
    start_host(key);
  };
  handlers.introduction = [this](SubmissionId submission) {
    return introduction(submission);
  };
  handlers.hook_done = [this](const std::string& call, bool ok, const std::string& error) {
    hook_done(call, ok, error);
  };
  handlers.run_failed = [this](const std::string& call, const std::string& error) {
    run_failed(call, error);
  };
  handlers.printed = [this](const std::string& call, const std::string& text) {
    printed(call, text);
  };
  handlers.gave_up = [this](const std::string& call, const std::string& why) {
    gave_up(call, why);
  };
  handlers.objects_lost = [this](SubmissionId submission) {
    objects_lost(submission);
  };
  handlers.now = [this] {
    return world_.clock.now();
  };
  handlers.due_changed = [this](Time due) {
    watch_hosts(due);
  };
  handlers.abort = [this](HostKey key) {
    supervisor::Stop stop;
    stop.key = key.key();
    stop.signal = SIGABRT;  // it says where it is
    stop.grace = host::Hosts::patience;
    world_.client->send(stop);
    world_.client->flush();
  };
  return handlers;
}

// ---- calls ------------------------------------------------------------------------------------------

void Effects::run_hook(const core::RunHook& hook) {
  if (hook.owner.kind == core::Node::Kind::task) {
    run_task_hook(hook);
  } else {
    run_group_hook(hook);
  }
}

void Effects::run_task_hook(const core::RunHook& hook) {
  const core::TaskState* state = world_.core.state(TaskId{hook.owner.id});
  const Result<store::Task> task = world_.store->task(TaskId{hook.owner.id});
  const store::Submission* submission = task ? world_.submission(task->submission) : nullptr;
  if (state == nullptr || submission == nullptr) {
    turn_.step(core::HookEnded{hook.owner, hook.hook, hook.attempt, false});
    return;
  }
  const std::string directory = log_directory(submission->run_dir, task->fullname);
  host::HookCall call;
  call.call = to_text({hook.owner, hook.attempt, hook.hook});
  call.node = {false, hook.owner.id};
  call.output = log_path(directory, "stdout", hook.attempt);
  call.errors = log_path(directory, "stderr", hook.attempt);
  call.attempt = hook.attempt;
  call.exit_code = exit_code(state->last_exit);
  call.devices = state->allocation.devices;
  const auto running = world_.running.find(TaskId{hook.owner.id});
  if (running != world_.running.end() && running->second.attempt.number == hook.attempt) {
    call.pid = running->second.pid;
    call.devices = running->second.devices;
  }
  call.created = task->spec.created;
  call.priority = task->spec.priority;
  call.run_dir = submission->run_dir;
  call_hook(task->submission, call, hook);
  sys::fault_point("engine.hook-called");
}

void Effects::run_group_hook(const core::RunHook& hook) {
  const Result<store::Group> group = world_.store->group(GroupId{hook.owner.id});
  const store::Submission* submission = group ? world_.submission(group->submission) : nullptr;
  if (submission == nullptr) {
    turn_.step(core::HookEnded{hook.owner, hook.hook, 0, false});
    return;
  }
  const std::string directory = log_directory(submission->run_dir, group->fullname);
  host::HookCall call;
  call.call = to_text({hook.owner, 0, hook.hook});
  call.node = {true, hook.owner.id};
  call.output = log_path(directory, "stdout", 1);
  call.errors = log_path(directory, "stderr", 1);
  call.created = submission->created;
  call.run_dir = submission->run_dir;
  call_hook(group->submission, call, hook);
}

/// With what a task's hook and a group's have in common.
void Effects::call_hook(SubmissionId submission, host::HookCall& call, const core::RunHook& hook) {
  call.hook = name(hook.hook);
  call.then = sequel_hook(hook);
  call.status = shown_status(hook);
  call.limit = world_.options.settings.hook_timeout;
  hosts_.call(submission, call.call, host::hook_line(call), call.limit);
  if (hurries_) {
    hosts_.hurry(submission, call.call, world_.options.settings.grace);
  }
}

void Effects::hurry_hook(AttemptId attempt) {
  if (const Result<store::Task> task = world_.store->task(attempt.task)) {
    const CallName call{core::Node::of(attempt.task), attempt.number, core::HookKind::on_start};
    hosts_.hurry(task->submission, to_text(call), world_.options.settings.grace);
  }
}

void Effects::hurry_hooks() {
  hurries_ = true;
  hosts_.hurry_all(world_.options.settings.grace);
}

/// Arms the timer for a host that is to be looked at then, if it is the first.
void Effects::watch_hosts(Time due) {
  if (!due || (hang_due_ && hang_due_ <= due)) {
    return;  // what comes too early finds nothing, and looks again
  }
  hang_due_ = due;
  hang_timer_.arm(std::max(Duration{}, due - world_.clock.now()), world_.guarded([this] {
    // After what the hosts have said meanwhile, if we were the ones that slept.
    world_.loop.post(world_.guarded([this] {
      hang_due_ = {};
      hosts_.end_hung();
      watch_hosts(hosts_.due());
    }));
  }));
}

// ---- hosts ------------------------------------------------------------------------------------------

void Effects::start_host(HostKey key) {
  const store::Submission* submission = world_.submission(key.submission);
  if (submission == nullptr || submission->interpreter.empty() ||
      !environment(submission->environment)) {
    world_.loop.post(world_.guarded([this, key] {
      hosts_.exited(key, ExitStatus::of_stage(StartStage::executable, ENOENT));
      turn_.end();
    }));
    return;
  }
  std::string python_path;
  for (const std::string& part : submission->python_path) {
    python_path += python_path.empty() ? part : ":" + part;
  }
  supervisor::Spawn spawn;
  spawn.key = key.key();
  spawn.environment = submission->environment;
  spawn.variables = {
      "CATTINO_HOST_SOCKET=" + world_.options.socket,
      "CATTINO_HOST_SUPERVISOR=" + world_.options.supervisor_socket,
      fmt::format("CATTINO_HOST_SUBMISSION={}", key.submission.value),
      fmt::format("CATTINO_HOST_GENERATION={}", key.generation),
  };
  if (!python_path.empty()) {
    spawn.variables.push_back("PYTHONPATH=" + python_path);
  }
  spawn.argv = {submission->interpreter, "-m", "cattino.host"};
  spawn.directory = submission->directory;
  spawn.stdout_path = submission->run_dir + "/cattino-host.log";
  spawn.stderr_path = spawn.stdout_path;
  spawn.umask = submission->umask;
  for (const store::ResourceLimit& limit : submission->limits) {
    spawn.limits.push_back({limit.resource, limit.soft, limit.hard});
  }
  spawn.plain = true;
  host_keys_.insert_or_assign(key.submission, key);
  world_.client->send(std::move(spawn));
  world_.client->flush();
}

void Effects::host_started(HostKey key) {
  host_keys_.insert_or_assign(key.submission, key);
  hosts_.started(key);
}

void Effects::host_exited(HostKey key, const ExitStatus& status) {
  const auto at = host_keys_.find(key.submission);
  if (at != host_keys_.end() && at->second.generation == key.generation) {
    host_keys_.erase(at);
  }
  hosts_.exited(key, status);
}

void Effects::stop_hosts() {
  for (const auto& [submission, key] : host_keys_) {
    world_.stop(key.key());
  }
  host_keys_.clear();
}

/// The objects and the nodes that they belong to.
std::string Effects::introduction(SubmissionId submission) {
  std::vector<host::ObjectNode> nodes;
  std::unordered_map<GroupId, std::string> groups;
  const auto add = [&](const auto& row, bool group, std::uint64_t id, GroupId around) {
    if (row.object < 0) {
      return;
    }
    const auto parent = groups.find(around);
    nodes.push_back(
        {{group, id},
         row.ref,
         row.object,
         row.name,
         row.fullname,
         parent == groups.end() ? std::string() : parent->second});
  };
  if (const auto rows = world_.store->groups_of(submission)) {
    for (const store::GroupRow& row : rows.value()) {
      groups.emplace(row.group.spec.id, row.group.fullname);
      add(row.group, true, row.group.spec.id.value, row.group.spec.parent);
    }
  }
  if (const auto rows = world_.store->tasks_of(submission)) {
    for (const store::TaskRow& row : rows.value()) {
      add(row.task, false, row.task.spec.id.value, row.task.spec.group);
    }
  }
  const Result<std::string> objects = world_.store->objects(submission);
  return host::objects_line(objects ? objects.value() : std::string(), nodes);
}

void Effects::hook_done(const std::string& call, bool ok, const std::string& error) {
  const std::optional<CallName> name = parse_call(call);
  if (!name || !name->hook) {
    return;
  }
  if (!ok) {
    printed(call, error);
  }
  turn_.step(core::HookEnded{name->owner, *name->hook, name->attempt, ok});
  turn_.end_soon();
}

void Effects::run_failed(const std::string& call, const std::string& error) {
  const std::optional<CallName> name = parse_call(call);
  if (!name) {
    return;
  }
  note(name->owner, name->attempt, "the function could not be started: " + error);
  const AttemptId attempt{TaskId{name->owner.id}, name->attempt};
  const auto running = world_.running.find(attempt.task);
  const ExitStatus status = ExitStatus::of_stage(StartStage::exec, 0);
  if (running != world_.running.end() && running->second.attempt == attempt) {
    store::Attempt row = attempt_row(running->second);
    row.ended = world_.clock.now();
    row.status = status;
    turn_.changes().put_end(std::move(row), true);
  }
  turn_.step(core::AttemptExited{attempt, status});
  turn_.end_soon();
}

void Effects::gave_up(const std::string& call, const std::string& why) {
  const std::optional<CallName> name = parse_call(call);
  if (name && name->hook) {
    note(name->owner, name->attempt, why);
    hook_done(call, false, why);
  } else {
    run_failed(call, why);
  }
}

void Effects::printed(const std::string& call, const std::string& text) {
  const std::optional<CallName> name = parse_call(call);
  if (!name || !feed_.followed()) {
    return;
  }
  FeedItem item;
  item.event = "hook";
  item.at = world_.clock.now();
  item.fullname = world_.fullname_of(name->owner);
  if (name->owner.kind == core::Node::Kind::task) {
    item.task = TaskId{name->owner.id};
    if (const core::TaskState* state = world_.core.state(item.task)) {
      item.status = state->status;
    }
  }
  item.attempt = name->attempt;
  item.text = text;
  feed_.add_output(std::move(item));
  turn_.end_soon();
}

/// Said of every task that its hooks, or those of its groups, may have left something for.
void Effects::objects_lost(SubmissionId id) {
  constexpr const char* words =
      "the Python process that runs hooks died; the next one starts from what was submitted, so "
      "changes that hooks made to their objects are lost";
  const store::Submission* submission = world_.submission(id);
  if (submission == nullptr) {
    return;
  }
  for (std::uint64_t i = 0; i < submission->task_count; ++i) {
    const TaskId task{submission->first_task.value + i};
    const core::TaskState* state = world_.core.state(task);
    if (state == nullptr || state->attempt == 0 || core::has_ended(state->status)) {
      continue;
    }
    const std::uint32_t attempt = state->attempt;
    turn_.step(core::HooksReset{task});
    state = world_.core.state(task);
    if (state != nullptr && state->hooks_reset) {
      note(core::Node::of(task), attempt, words);
    }
  }
  const auto groups = world_.store->groups_of(id);
  for (const store::GroupRow& row : groups ? *groups : std::vector<store::GroupRow>{}) {
    const GroupId group = row.group.spec.id;
    const core::GroupState* state = world_.core.state(group);
    if (state != nullptr && row.group.spec.hooks.on_start && core::is_in_round(state->phase)) {
      note(core::Node::of(group), 1, words);
    }
  }
  turn_.end_soon();
}

void Effects::note(core::Node node, std::uint32_t attempt, const std::string& text) {
  SubmissionId id;
  std::string fullname;
  if (node.kind == core::Node::Kind::task) {
    const Result<store::Task> task = world_.store->task(TaskId{node.id});
    if (task) {
      id = task->submission;
      fullname = task->fullname;
    }
  } else if (const Result<store::Group> group = world_.store->group(GroupId{node.id})) {
    id = group->submission;
    fullname = group->fullname;
  }
  const store::Submission* submission = id ? world_.submission(id) : nullptr;
  if (submission == nullptr) {
    return;
  }
  std::string path = log_path(log_directory(submission->run_dir, fullname), "stderr", attempt);
  world_.write_files<bool>(
      [path = std::move(path), line = "cattino: " + text + "\n"] {
        return append_line(path, line);
      },
      [](bool) {});
}

}  // namespace cattino::engine
