// The engine's views, field by field.
#include "server/answers.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace cattino::server {

namespace {

using wire::Nullable;

Nullable<wire::Milliseconds> instant(Time time) {
  return time ? Nullable<wire::Milliseconds>{time.ms()} : Nullable<wire::Milliseconds>{};
}

Nullable<std::string> text_or_null(const std::string& text) {
  return text.empty() ? Nullable<std::string>{} : Nullable<std::string>{text};
}

Nullable<std::int32_t> pid_or_null(std::int32_t pid) {
  return pid == 0 ? Nullable<std::int32_t>{} : Nullable<std::int32_t>{pid};
}

Nullable<wire::Exit> exit_of(const ExitStatus& status) {
  wire::Exit exit;
  exit.text = describe(status);
  switch (status.kind) {
    case ExitStatus::Kind::none:
      return {};
    case ExitStatus::Kind::code:
      exit.code = status.value;
      break;
    case ExitStatus::Kind::signal:
      exit.signal = status.value;
      break;
    case ExitStatus::Kind::not_started:
      exit.stage = name(status.stage);
      exit.errno_ = status.value;
      break;
    case ExitStatus::Kind::lost:
      break;
  }
  return exit;
}

const char* phase_name(core::TaskPhase phase) {
  switch (phase) {
    case core::TaskPhase::none:
      return "";
    case core::TaskPhase::group_hooks:
      return "group_hooks";
    case core::TaskPhase::start_hook:
      return "start_hook";
    case core::TaskPhase::starting:
      return "starting";
    case core::TaskPhase::process:
      return "process";
    case core::TaskPhase::stopping:
      return "stopping";
    case core::TaskPhase::end_hook:
      return "end_hook";
  }
  return "";
}

wire::Request request_of(const core::Request& request) {
  wire::Request result;
  result.min_devices = request.min_devices;
  result.memory = request.memory;
  if (request.cpus.value >= 0) {
    result.cpus = request.cpus;
  }
  result.ram = request.ram;
  if (request.max_devices != 0) {
    result.max_devices = request.max_devices;
  }
  if (request.time_limit.us != 0) {
    result.time_limit = request.time_limit.ms();
  }
  if (!request.pins.empty()) {
    result.devices = request.pins;
  }
  for (const core::CounterAmount& counter : request.counters) {
    if (!result.resources) {
      result.resources.emplace();
    }
    result.resources->emplace_back(counter.name, counter.amount);
  }
  return result;
}

wire::Retry retry_of(const core::RetryPolicy& policy) {
  wire::Retry retry;
  retry.retries = policy.retries;
  for (const std::uint8_t code : policy.codes) {
    retry.on.push_back({code, {}});
  }
  for (const auto& [after, word] :
       {std::pair{policy.on_code && policy.codes.empty(), "exit"},
        {policy.on_signal, "signal"},
        {policy.on_timeout, "timeout"},
        {policy.on_oom, "oom"},
        {policy.on_lost, "lost"}}) {
    if (after) {
      retry.on.push_back({0, word});
    }
  }
  retry.backoff = policy.backoff.ms();
  retry.longest_backoff = policy.longest_backoff.ms();
  if (policy.oom_growth_ppm != 0) {
    retry.oom_growth = wire::Factor{policy.oom_growth_ppm};
  }
  return retry;
}

/// What only some tasks have; else it is left out.
void add_rare(const core::TaskSpec& spec, const core::TaskState& state, wire::Task& task) {
  if (spec.retry.retries != 0) {
    task.retry = retry_of(spec.retry);
  }
  if (spec.not_before) {
    task.not_before = spec.not_before.ms();
  }
  if (spec.preemptible) {
    task.preemptible = true;
  }
  if (state.retries != 0) {
    task.retries = state.retries;
  }
  if (state.preemptions != 0) {
    task.preemptions = state.preemptions;
  }
  if (state.hooks_reset) {
    task.hooks_reset = true;
  }
}

void add_devices(const core::Reason& reason, wire::Reason& result) {
  result.wanted = reason.wanted;
  result.fitting = reason.fitting;
  result.memory = reason.memory;
  for (const core::DeviceView& view : reason.devices) {
    wire::ReasonDevice device;
    device.index = view.index;
    device.fits = view.fits;
    device.total = view.total.value;
    device.free = view.free.value;
    for (const TaskId holder : view.holders) {
      device.holders.push_back(holder.value);
    }
    result.devices.push_back(std::move(device));
  }
}

wire::Reason reason_of(const engine::ReasonView& view) {
  wire::Reason result;
  result.text = view.text;
  result.kind = view.kind;
  result.names = view.names;
  if (!view.resume.empty()) {
    result.resume = view.resume;
  }
  const core::Reason& reason = view.data;
  switch (reason.kind) {
    case core::Reason::Kind::dependencies:
    case core::Reason::Kind::dependency_failed:
      result.count = reason.count;
      break;
    case core::Reason::Kind::devices:
      add_devices(reason, result);
      break;
    case core::Reason::Kind::cpus:
      result.wanted_cpus = reason.wanted_cpus;
      result.free_cpus = reason.free_cpus;
      break;
    case core::Reason::Kind::ram:
      result.wanted_ram = reason.wanted_ram.value;
      result.free_ram = reason.free_ram.value;
      break;
    case core::Reason::Kind::backoff:
    case core::Reason::Kind::not_before:
      result.until = reason.until.ms();
      break;
    case core::Reason::Kind::reserved:
      if (reason.until) {
        result.until = reason.until.ms();
      }
      break;
    case core::Reason::Kind::counters:
      result.resource = reason.counter;
      result.wanted_count = reason.wanted_count;
      result.free_count = reason.free_count;
      break;
    case core::Reason::Kind::parallel:
    case core::Reason::Kind::making_room:
      result.count = reason.count;
      break;
    case core::Reason::Kind::behind:
    case core::Reason::Kind::none:
    case core::Reason::Kind::held:
    case core::Reason::Kind::paused:
    case core::Reason::Kind::lost:
    case core::Reason::Kind::next:
      break;
  }
  if (!reason.holding.empty()) {
    result.kept = reason.holding;
    result.idle = reason.idle;
  }
  if (reason.start) {
    result.start = reason.start.ms();
    result.exact = reason.exact;
  }
  return result;
}

Nullable<wire::Reason> reason_or_null(const std::optional<engine::ReasonView>& view) {
  return view ? Nullable<wire::Reason>{reason_of(*view)} : Nullable<wire::Reason>{};
}

std::string command_of(const store::Program& program) {
  if (program.kind != store::ProgramKind::argv) {
    return program.words.empty() ? std::string{} : program.words.front();
  }
  std::string line;
  for (const std::string& word : program.words) {
    line += line.empty() ? "" : " ";
    line += shell_quote(word);
  }
  return line;
}

/// A task's log directory is its fullname below the submission's.
std::string run_dir_of(const engine::TaskView& view) {
  const std::string tail = "/" + view.row.task.fullname;
  const std::string& directory = view.directory;
  return directory.ends_with(tail) ? directory.substr(0, directory.size() - tail.size())
                                   : std::string{};
}

wire::Attempt attempt_of(const engine::AttemptView& view) {
  constexpr std::int64_t us_in_ms = 1000;
  constexpr std::int64_t kib_in_mib = 1024;
  wire::Attempt attempt;
  attempt.number = view.attempt.id.number;
  attempt.status = exit_of(view.attempt.status);
  attempt.devices = view.devices;
  attempt.pid = pid_or_null(view.attempt.pid);
  attempt.started = view.attempt.started.ms();
  attempt.ended = instant(view.attempt.ended);
  attempt.stdout_ = view.stdout_path;
  attempt.stderr_ = view.stderr_path;
  attempt.user_ms = view.attempt.user_us / us_in_ms;
  attempt.system_ms = view.attempt.system_us / us_in_ms;
  attempt.max_rss_mib = view.attempt.max_rss_kib / kib_in_mib;
  return attempt;
}

const char* health_name(core::DeviceHealth health) {
  switch (health) {
    case core::DeviceHealth::ok:
      return "ok";
    case core::DeviceHealth::unknown:
      return "unknown";
    case core::DeviceHealth::lost:
      return "lost";
    case core::DeviceHealth::drained:
      return "drained";
  }
  return "unknown";
}

wire::Device device_of(const engine::DeviceView& view) {
  wire::Device device;
  device.name = view.device.name;
  device.kind = view.device.kind == core::DeviceKind::cpu ? "cpu" : "accelerator";
  device.model = view.device.model;
  device.uuid = view.device.uuid;
  device.health = health_name(view.device.health);
  device.total = view.device.total.value;
  device.used_by_others = view.device.used_by_others.value;
  device.claimed = view.claimed.value;
  device.free = view.free.value;
  device.tasks = view.tasks;
  device.note = view.device.note;
  return device;
}

}  // namespace

wire::Task task_of(const engine::TaskView& view) {
  const store::Task& stored = view.row.task;
  const core::TaskState& state = view.row.state;
  wire::Task task;
  task.id = stored.spec.id.value;
  task.name = stored.name;
  task.fullname = stored.fullname;
  task.shown = view.shown;
  task.group = text_or_null(view.group);
  task.submission = stored.submission.value;
  task.status = core::name(state.status);
  task.phase = text_or_null(phase_name(state.phase));
  task.held = state.held;
  task.reason = reason_or_null(view.reason);
  task.command = command_of(stored.program);
  task.priority = stored.spec.priority;
  task.request = request_of(stored.spec.request);
  add_rare(stored.spec, state, task);
  task.log_limit = stored.log_limit;
  task.attempt = state.attempt;
  task.devices = view.devices;
  task.pid = pid_or_null(view.row.pid);
  task.created = stored.spec.created.ms();
  task.started = instant(state.started);
  task.ended = instant(state.ended);
  task.exit = exit_of(state.last_exit);
  task.stdout_ = text_or_null(view.stdout_path);
  task.stderr_ = text_or_null(view.stderr_path);
  if (view.progress) {
    task.progress = wire::Progress{view.progress->step, view.progress->total, {}};
    for (const auto& [name, value] : view.progress->metrics) {
      task.progress->metrics.emplace_back(name, wire::Number{value});
    }
  }
  task.run_dir = run_dir_of(view);
  task.directory = view.directory;
  return task;
}

std::vector<wire::Task> tasks_of(const std::vector<engine::TaskView>& views) {
  std::vector<wire::Task> tasks;
  tasks.reserve(views.size());
  for (const engine::TaskView& view : views) {
    tasks.push_back(task_of(view));
  }
  return tasks;
}

wire::Group group_of(const engine::GroupView& view) {
  wire::Group group;
  group.id = view.row.group.spec.id.value;
  group.fullname = view.row.group.fullname;
  group.submission = view.row.group.submission.value;
  group.status = view.status;
  group.counts = view.counts;
  return group;
}

wire::Counts counts_of(const std::vector<engine::TaskView>& views) {
  std::array<std::uint64_t, 5> numbers = {};
  for (const engine::TaskView& view : views) {
    ++numbers.at(static_cast<std::size_t>(view.row.state.status));
  }
  wire::Counts counts;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers.at(i) != 0) {
      counts.emplace_back(core::name(static_cast<core::TaskStatus>(i)), numbers.at(i));
    }
  }
  return counts;
}

wire::Detail detail_of(const engine::DetailView& view) {
  wire::TaskDetail detail;
  detail.task = task_of(view.task);
  if (!view.submission.run_dir.empty()) {
    detail.task.run_dir = view.submission.run_dir;
  }
  for (const engine::AttemptView& attempt : view.attempts) {
    detail.attempts.push_back(attempt_of(attempt));
  }
  detail.needs = view.needs;
  detail.needed_by = view.needed_by;
  detail.environment = view.environment;
  const store::Task& stored = view.task.row.task;
  detail.cwd = stored.directory.empty() ? view.submission.directory : stored.directory;
  const std::vector<std::string>& words = stored.program.words;
  switch (stored.program.kind) {
    case store::ProgramKind::command:
      detail.command = command_of(stored.program);
      break;
    case store::ProgramKind::argv:
      detail.argv = words;
      break;
    case store::ProgramKind::function:
      detail.function = command_of(stored.program);
      break;
  }
  return detail;
}

wire::VerbAnswer outcome_of(const engine::Outcome& outcome) {
  wire::VerbAnswer answer;
  answer.count = outcome.count;
  for (const engine::ChangedTask& task : outcome.changed) {
    answer.changed.push_back({task.id.value, task.fullname, core::name(task.status), task.ending});
  }
  for (const engine::UnchangedTask& task : outcome.unchanged) {
    answer.unchanged.push_back({task.fullname, core::name(task.status), task.why});
  }
  return answer;
}

wire::Devices devices_of(const engine::DevicesView& view) {
  wire::Devices answer;
  answer.host.cpus = view.host.cpus;
  answer.host.ram = view.host.ram.value;
  answer.error = text_or_null(view.error);
  for (const engine::DeviceView& device : view.devices) {
    answer.devices.push_back(device_of(device));
  }
  return answer;
}

wire::SubmissionAnswer submission_of(const engine::SubmissionView& view) {
  wire::SubmissionAnswer answer;
  answer.id = view.id.value;
  answer.run_dir = view.run_dir;
  answer.first_task = view.first_task.value;
  answer.count = view.count;
  for (const engine::SubmittedTask& submitted : view.tasks) {
    wire::SubmittedTask task;
    task.ref = submitted.ref;
    task.id = submitted.id.value;
    task.fullname = submitted.fullname;
    task.status = core::name(submitted.status);
    task.reason = reason_or_null(submitted.reason);
    task.devices = submitted.devices;
    answer.tasks.push_back(std::move(task));
  }
  return answer;
}

wire::FeedItem feed_item_of(const engine::FeedItem& item) {
  wire::FeedItem result;
  result.seq = item.seq;
  result.at = item.at.ms();
  result.event = item.event;
  if (!item.text.empty()) {
    result.text = item.text;
  }
  if (!item.task && item.fullname.empty()) {
    return result;
  }
  wire::FeedTask& task = result.task.emplace();
  task.id = item.task.value;
  task.fullname = item.fullname;
  task.status = core::name(item.status);
  task.attempt = item.attempt;
  task.devices = item.devices;
  task.exit = exit_of(item.exit);
  if (!item.reason.empty()) {
    task.reason.emplace().text = item.reason;
  }
  return result;
}

}  // namespace cattino::server
