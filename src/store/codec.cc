// Records and states as packed bytes. The order of fields is the format: add at the end only.
#include "store/codec.h"

#include <algorithm>

namespace cattino::store {

namespace {

// A name is nearly always the end of the fullname: then only its size is kept, plus one.
void pack_name(std::string_view name, std::string_view fullname, Packer& out) {
  const bool is_end = fullname.ends_with(name);
  out.number(is_end ? name.size() + 1 : 0);
  if (!is_end) {
    out.text(name);
  }
}

std::string_view unpack_name(Unpacker& in, std::string_view fullname) {
  const std::uint64_t size = in.number();
  if (size == 0) {
    return in.text();
  }
  if (size - 1 > fullname.size()) {
    in.refuse();
    return {};
  }
  return fullname.substr(fullname.size() - (size - 1));
}

std::uint64_t bits(const core::Hooks& hooks) {
  return (hooks.on_start ? 1U : 0U) | (hooks.on_end ? 2U : 0U);
}

core::Hooks hooks_of(std::uint64_t bits) {
  return {(bits & 1U) != 0, (bits & 2U) != 0};
}

void pack_exit(const ExitStatus& status, Packer& out) {
  out.number(static_cast<std::uint64_t>(status.kind));
  out.number(static_cast<std::uint64_t>(status.stage));
  out.difference(status.value);
}

ExitStatus unpack_exit(Unpacker& in) {
  ExitStatus status;
  status.kind = in.up_to(ExitStatus::Kind::lost);
  status.stage = in.up_to(StartStage::exec);
  status.value = in.difference_as<std::int32_t>();
  return status;
}

void pack_allocation(const core::Allocation& allocation, Packer& out) {
  out.number(allocation.host);
  out.flag(allocation.whole);
  out.difference(allocation.cpus.value);
  out.difference(allocation.ram.value);
  out.number(allocation.devices.size());
  for (const std::uint16_t device : allocation.devices) {
    out.number(device);
  }
  out.number(allocation.mib.size());
  for (const Mib amount : allocation.mib) {
    out.difference(amount.value);
  }
}

core::Allocation unpack_allocation(Unpacker& in) {
  core::Allocation allocation;
  allocation.host = in.as<std::uint32_t>();
  allocation.whole = in.flag();
  allocation.cpus.value = in.difference();
  allocation.ram.value = in.difference();
  allocation.devices.resize(in.count());
  for (std::uint16_t& device : allocation.devices) {
    device = in.as<std::uint16_t>();
  }
  allocation.mib.resize(in.count());
  for (Mib& amount : allocation.mib) {
    amount.value = in.difference();
  }
  if (allocation.mib.size() != allocation.devices.size()) {
    in.refuse();
  }
  return allocation;
}

// What few tasks ask for: a number tells which of these fields follow, each as a bit.
constexpr std::uint64_t rare_max_devices = 1;
constexpr std::uint64_t rare_time_limit = 2;
constexpr std::uint64_t rare_pins = 4;
constexpr std::uint64_t rare_counters = 8;
constexpr std::uint64_t rare_retry = 16;
constexpr std::uint64_t rare_not_before = 32;
constexpr std::uint64_t rare_expected = 64;
constexpr std::uint64_t rare_user = 128;

std::uint64_t rare_fields(const core::TaskSpec& spec) {
  const core::Request& request = spec.request;
  return (request.max_devices != 0 ? rare_max_devices : 0U) |
         (request.time_limit.us != 0 ? rare_time_limit : 0U) |
         (request.pins.empty() ? 0U : rare_pins) | (request.counters.empty() ? 0U : rare_counters) |
         (spec.retry == core::RetryPolicy{} ? 0U : rare_retry) |
         (spec.not_before ? rare_not_before : 0U) | (spec.expected.us != 0 ? rare_expected : 0U) |
         (spec.user ? rare_user : 0U);
}

void pack_retry(const core::RetryPolicy& retry, Packer& out) {
  out.number(retry.retries);
  out.number(
      (retry.on_code ? 1U : 0U) | (retry.on_signal ? 2U : 0U) | (retry.on_timeout ? 4U : 0U) |
      (retry.on_oom ? 8U : 0U) | (retry.on_lost ? 16U : 0U));
  out.number(retry.codes.size());
  for (const std::uint8_t code : retry.codes) {
    out.number(code);
  }
  out.difference(retry.backoff.us);
  out.difference(retry.longest_backoff.us);
  out.difference(retry.oom_growth_ppm);
}

core::RetryPolicy unpack_retry(Unpacker& in) {
  core::RetryPolicy retry;
  retry.retries = in.as<std::uint32_t>();
  const std::uint64_t after = in.number();
  retry.on_code = (after & 1U) != 0;
  retry.on_signal = (after & 2U) != 0;
  retry.on_timeout = (after & 4U) != 0;
  retry.on_oom = (after & 8U) != 0;
  retry.on_lost = (after & 16U) != 0;
  retry.codes.resize(in.count());
  for (std::uint8_t& code : retry.codes) {
    code = in.as<std::uint8_t>();
  }
  retry.backoff.us = in.difference();
  retry.longest_backoff.us = in.difference();
  retry.oom_growth_ppm = in.difference();
  return retry;
}

void pack_rare(const core::TaskSpec& spec, Packer& out) {
  const core::Request& request = spec.request;
  const std::uint64_t fields = rare_fields(spec);
  out.number(fields);
  if ((fields & rare_max_devices) != 0) {
    out.number(request.max_devices);
  }
  if ((fields & rare_time_limit) != 0) {
    out.difference(request.time_limit.us);
  }
  if ((fields & rare_pins) != 0) {
    out.texts(request.pins);
  }
  if ((fields & rare_counters) != 0) {
    out.number(request.counters.size());
    for (const core::CounterAmount& counter : request.counters) {
      out.text(counter.name);
      out.difference(counter.amount);
    }
  }
  if ((fields & rare_retry) != 0) {
    pack_retry(spec.retry, out);
  }
  if ((fields & rare_not_before) != 0) {
    out.difference(spec.not_before.us);
  }
  if ((fields & rare_expected) != 0) {
    out.difference(spec.expected.us);
  }
  if ((fields & rare_user) != 0) {
    out.number(spec.user.value);
  }
}

void unpack_rare(Unpacker& in, core::TaskSpec& spec) {
  core::Request& request = spec.request;
  const std::uint64_t fields = in.number();
  if ((fields & rare_max_devices) != 0) {
    request.max_devices = in.as<std::uint16_t>();
  }
  if ((fields & rare_time_limit) != 0) {
    request.time_limit.us = in.difference();
  }
  if ((fields & rare_pins) != 0) {
    request.pins = in.texts();
  }
  if ((fields & rare_counters) != 0) {
    request.counters.resize(in.count());
    for (core::CounterAmount& counter : request.counters) {
      counter.name = in.text();
      counter.amount = in.difference();
    }
  }
  if ((fields & rare_retry) != 0) {
    spec.retry = unpack_retry(in);
  }
  if ((fields & rare_not_before) != 0) {
    spec.not_before.us = in.difference();
  }
  if ((fields & rare_expected) != 0) {
    spec.expected.us = in.difference();
  }
  if ((fields & rare_user) != 0) {
    spec.user.value = in.number();
  }
}

}  // namespace

void pack_spec(const Task& task, Packer& out) {
  const core::TaskSpec& spec = task.spec;
  const core::Request& request = spec.request;
  const bool rare = rare_fields(spec) != 0;
  out.number(task.submission.value);
  out.number(spec.group.value);
  out.number(
      bits(spec.hooks) | (spec.cascade ? 4U : 0U) |
      static_cast<std::uint64_t>(request.memory.kind) << 3U | (spec.command ? 32U : 0U) |
      (spec.preemptible ? 64U : 0U) | (spec.held ? 128U : 0U) | (rare ? 256U : 0U));
  out.number(request.min_devices);
  out.difference(request.memory.value);
  out.difference(request.cpus.value);
  out.difference(request.ram.value);
  out.difference(spec.priority);
  out.difference(spec.created.us);
  if (rare) {
    pack_rare(spec, out);
  }
}

bool unpack_spec(std::string_view bytes, core::TaskSpec& spec, SubmissionId& submission) {
  Unpacker in(bytes);
  submission.value = in.number();
  spec.group.value = in.number();
  const std::uint64_t flags = in.number();
  spec.hooks = hooks_of(flags);
  spec.cascade = (flags & 4U) != 0;
  spec.command = (flags & 32U) != 0;
  spec.preemptible = (flags & 64U) != 0;
  spec.held = (flags & 128U) != 0;
  core::Request& request = spec.request;
  request.memory.kind = static_cast<MemoryRequest::Kind>(flags >> 3U & 3U);
  if (request.memory.kind > MemoryRequest::Kind::share) {
    in.refuse();
  }
  request.min_devices = in.as<std::uint16_t>();
  request.memory.value = in.difference();
  request.cpus.value = in.difference();
  request.ram.value = in.difference();
  spec.priority = in.difference_as<std::int32_t>();
  spec.created.us = in.difference();
  if ((flags & 256U) != 0) {
    unpack_rare(in, spec);
  }
  return in.ok() && submission.value != 0;
}

void pack_details(const Task& task, Packer& out) {
  out.number(task.ref);
  out.difference(task.object);
  pack_name(task.name, task.fullname, out);
  out.number(static_cast<std::uint64_t>(task.program.kind));
  out.texts(task.program.words);
  out.text(task.directory);
  out.number(task.variables.size());
  for (const auto& [name, value] : task.variables) {
    out.text(name);
    out.text(value);
  }
  if (task.log_limit) {  // 0 is what a reader finds where there is none
    out.number(static_cast<std::uint64_t>(task.log_limit->value) + 1);
  }
}

bool unpack_details(std::string_view bytes, std::string_view fullname, Task& task) {
  Unpacker in(bytes);
  task.ref = in.as<std::uint32_t>();
  task.object = in.difference_as<std::int32_t>();
  task.name = unpack_name(in, fullname);
  task.fullname = fullname;
  task.program.kind = in.up_to(ProgramKind::function);
  task.program.words = in.texts();
  task.directory = in.text();
  task.variables.resize(in.count());
  for (auto& [name, value] : task.variables) {
    name = in.text();
    value = in.text();
  }
  if (const std::uint64_t limit = in.number(); limit != 0) {
    task.log_limit = Mib{static_cast<std::int64_t>(limit - 1)};
  }
  return in.ok();
}

void pack_group(const Group& group, Packer& out) {
  out.number(group.spec.parent.value);
  out.number(bits(group.spec.hooks));
  out.number(group.ref);
  out.difference(group.object);
  pack_name(group.name, group.fullname, out);
  if (group.spec.max_parallel != 0) {
    out.number(group.spec.max_parallel);
  }
}

bool unpack_group(std::string_view bytes, std::string_view fullname, Group& group) {
  Unpacker in(bytes);
  group.spec.parent.value = in.number();
  group.spec.hooks = hooks_of(in.number());
  group.ref = in.as<std::uint32_t>();
  group.object = in.difference_as<std::int32_t>();
  group.name = unpack_name(in, fullname);
  group.fullname = fullname;
  group.spec.max_parallel = in.as<std::uint32_t>();
  return in.ok();
}

void pack_group_state(const core::GroupState& state, Packer& out) {
  if (state.paused || state.ended) {
    out.flag(state.paused);
    out.difference(state.ended.us);
  }
}

bool unpack_group_state(std::string_view bytes, core::GroupState& state) {
  Unpacker in(bytes);
  state.paused = in.flag();
  state.ended.us = in.difference();
  return in.ok();
}

void pack_submission(const Submission& submission, Packer& out) {
  out.text(submission.directory);
  out.number(submission.umask);
  out.number(submission.limits.size());
  for (const ResourceLimit& limit : submission.limits) {
    out.number(limit.resource);
    out.number(limit.soft);
    out.number(limit.hard);
  }
  out.text(submission.interpreter);
  out.texts(submission.python_path);
  out.text(submission.source);
  out.flag(submission.has_objects);
}

bool unpack_submission(std::string_view bytes, Submission& submission) {
  Unpacker in(bytes);
  submission.directory = in.text();
  submission.umask = in.as<std::uint32_t>();
  submission.limits.resize(in.count());
  for (ResourceLimit& limit : submission.limits) {
    limit.resource = in.as<std::uint8_t>();
    limit.soft = in.number();
    limit.hard = in.number();
  }
  submission.interpreter = in.text();
  submission.python_path = in.texts();
  submission.source = in.text();
  submission.has_objects = in.flag();
  return in.ok();
}

void pack_state(const core::TaskState& state, Packer& out) {
  const bool again = state.retries != 0 || state.preemptions != 0 || state.raised != 0;
  out.number(static_cast<std::uint64_t>(state.phase));
  out.number(
      (state.held ? 1U : 0U) | (state.end_requested ? 2U : 0U) | (state.recalled ? 4U : 0U) |
      (state.device_lost ? 8U : 0U) | (state.out_of_memory ? 16U : 0U) | (again ? 32U : 0U) |
      (state.queued ? 64U : 0U) | (state.reserved != 0 ? 128U : 0U) |
      (state.hooks_reset ? 256U : 0U));
  out.number(static_cast<std::uint64_t>(state.cause));
  out.number(static_cast<std::uint64_t>(state.cause_node.kind));
  out.number(state.cause_node.id);
  out.number(state.attempt);
  out.number(state.requeues);
  pack_exit(state.last_exit, out);
  out.difference(state.not_before.us);
  out.difference(state.started.us);
  pack_allocation(state.allocation, out);
  out.number(state.behind.value);
  if (state.queued) {  // mostly shortly before the start: a small number
    out.difference(state.started.us - state.queued.us);
  }
  if (again) {
    out.number(state.retries);
    out.number(state.preemptions);
    out.difference(state.raised);
  }
  if (state.reserved != 0) {
    out.number(state.reserved);
  }
}

bool unpack_state(std::string_view bytes, core::TaskState& state) {
  Unpacker in(bytes);
  state.phase = in.up_to(core::TaskPhase::end_hook);
  const std::uint64_t flags = in.number();
  state.held = (flags & 1U) != 0;
  state.end_requested = (flags & 2U) != 0;
  state.recalled = (flags & 4U) != 0;
  state.device_lost = (flags & 8U) != 0;
  state.out_of_memory = (flags & 16U) != 0;
  state.hooks_reset = (flags & 256U) != 0;
  state.cause = in.up_to(core::Cause::preempted);
  state.cause_node.kind = in.up_to(core::Node::Kind::group);
  state.cause_node.id = in.number();
  state.attempt = in.as<std::uint32_t>();
  if (state.attempt > AttemptId::number_max) {
    in.refuse();
  }
  state.requeues = in.as<std::uint32_t>();
  state.last_exit = unpack_exit(in);
  state.not_before.us = in.difference();
  state.started.us = in.difference();
  state.allocation = unpack_allocation(in);
  state.behind.value = in.number();
  if ((flags & 64U) != 0) {
    if (__builtin_sub_overflow(state.started.us, in.difference(), &state.queued.us)) {
      in.refuse();
    }
  }
  if ((flags & 32U) != 0) {
    state.retries = in.as<std::uint32_t>();
    state.preemptions = in.as<std::uint32_t>();
    state.raised = in.difference();
  }
  if ((flags & 128U) != 0) {
    state.reserved = in.as<std::uint32_t>();
  }
  return in.ok();
}

void pack_placement(const Attempt& attempt, Packer& out) {
  out.number(attempt.host);
  out.number(attempt.devices.size());
  for (const std::uint16_t device : attempt.devices) {
    out.number(device);
  }
}

bool unpack_placement(std::string_view bytes, Attempt& attempt) {
  Unpacker in(bytes);
  attempt.host = in.as<std::uint32_t>();
  attempt.devices.resize(in.count());
  for (std::uint16_t& device : attempt.devices) {
    device = in.as<std::uint16_t>();
  }
  return in.ok();
}

void pack_outcome(const Attempt& attempt, Packer& out) {
  pack_exit(attempt.status, out);
  out.difference(attempt.user_us);
  out.difference(attempt.system_us);
  out.difference(attempt.max_rss_kib);
}

bool unpack_outcome(std::string_view bytes, Attempt& attempt) {
  Unpacker in(bytes);
  attempt.status = unpack_exit(in);
  attempt.user_us = in.difference();
  attempt.system_us = in.difference();
  attempt.max_rss_kib = in.difference();
  return in.ok();
}

// Ids as differences from the edge before: five bytes an edge in most graphs.
void pack_edges(const core::Edge* edges, std::size_t count, Packer& out) {
  core::Edge last;
  for (std::size_t i = 0; i < count; ++i) {
    const core::Edge& edge = edges[i];
    out.number(
        static_cast<std::uint64_t>(edge.from.kind) |
        static_cast<std::uint64_t>(edge.to.kind) << 2U |
        static_cast<std::uint64_t>(edge.when) << 4U);
    out.difference(static_cast<std::int64_t>(edge.from.id - last.from.id));
    out.difference(static_cast<std::int64_t>(edge.to.id - last.to.id));
    last = edge;
  }
}

bool unpack_edges(std::string_view bytes, std::vector<core::Edge>& edges) {
  Unpacker in(bytes);
  core::Edge edge;
  while (!in.at_end()) {
    const std::uint64_t kinds = in.number();
    edge.from.kind = static_cast<core::Node::Kind>(kinds & 3U);
    edge.to.kind = static_cast<core::Node::Kind>(kinds >> 2U & 3U);
    edge.when = static_cast<core::When>(kinds >> 4U & 3U);
    edge.from.id += static_cast<std::uint64_t>(in.difference());
    edge.to.id += static_cast<std::uint64_t>(in.difference());
    if (edge.from.kind > core::Node::Kind::group || edge.to.kind > core::Node::Kind::group ||
        edge.when > core::When::fail) {
      in.refuse();
    }
    if (in.ok()) {
      edges.push_back(edge);
    }
  }
  return in.ok();
}

}  // namespace cattino::store
