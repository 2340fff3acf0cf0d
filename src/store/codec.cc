// Records and states as packed bytes. The order of fields is the format: add at the end only.
#include "store/codec.h"

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
  return size - 1 <= fullname.size() ? fullname.substr(fullname.size() - (size - 1)) : fullname;
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
  status.kind = in.as<ExitStatus::Kind>();
  status.stage = in.as<StartStage>();
  status.value = static_cast<std::int32_t>(in.difference());
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
  return allocation;
}

}  // namespace

void pack_spec(const Task& task, Packer& out) {
  const core::TaskSpec& spec = task.spec;
  const core::Request& request = spec.request;
  out.number(task.submission.value);
  out.number(spec.group.value);
  out.number(
      bits(spec.hooks) | (spec.cascade ? 4U : 0U) |
      static_cast<std::uint64_t>(request.memory.kind) << 3U | (spec.command ? 32U : 0U));
  out.number(request.min_devices);
  out.difference(request.memory.value);
  out.difference(request.cpus.value);
  out.difference(request.ram.value);
  out.difference(spec.priority);
  out.difference(spec.created.us);
}

bool unpack_spec(std::string_view bytes, core::TaskSpec& spec, SubmissionId& submission) {
  Unpacker in(bytes);
  submission.value = in.number();
  spec.group.value = in.number();
  const std::uint64_t flags = in.number();
  spec.hooks = hooks_of(flags);
  spec.cascade = (flags & 4U) != 0;
  spec.command = (flags & 32U) != 0;
  core::Request& request = spec.request;
  request.memory.kind = static_cast<MemoryRequest::Kind>(flags >> 3U & 3U);
  request.min_devices = in.as<std::uint16_t>();
  request.memory.value = in.difference();
  request.cpus.value = in.difference();
  request.ram.value = in.difference();
  spec.priority = static_cast<std::int32_t>(in.difference());
  spec.created.us = in.difference();
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
}

bool unpack_details(std::string_view bytes, std::string_view fullname, Task& task) {
  Unpacker in(bytes);
  task.ref = in.as<std::uint32_t>();
  task.object = static_cast<std::int32_t>(in.difference());
  task.name = unpack_name(in, fullname);
  task.fullname = fullname;
  task.program.kind = in.as<ProgramKind>();
  task.program.words = in.texts();
  task.directory = in.text();
  task.variables.resize(in.count());
  for (auto& [name, value] : task.variables) {
    name = in.text();
    value = in.text();
  }
  return in.ok();
}

void pack_group(const Group& group, Packer& out) {
  out.number(group.spec.parent.value);
  out.number(bits(group.spec.hooks));
  out.number(group.ref);
  out.difference(group.object);
  pack_name(group.name, group.fullname, out);
}

bool unpack_group(std::string_view bytes, std::string_view fullname, Group& group) {
  Unpacker in(bytes);
  group.spec.parent.value = in.number();
  group.spec.hooks = hooks_of(in.number());
  group.ref = in.as<std::uint32_t>();
  group.object = static_cast<std::int32_t>(in.difference());
  group.name = unpack_name(in, fullname);
  group.fullname = fullname;
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
  out.number(static_cast<std::uint64_t>(state.phase));
  out.number((state.held ? 1U : 0U) | (state.end_requested ? 2U : 0U) | (state.recalled ? 4U : 0U));
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
}

bool unpack_state(std::string_view bytes, core::TaskState& state) {
  Unpacker in(bytes);
  state.phase = in.as<core::TaskPhase>();
  const std::uint64_t flags = in.number();
  state.held = (flags & 1U) != 0;
  state.end_requested = (flags & 2U) != 0;
  state.recalled = (flags & 4U) != 0;
  state.cause = in.as<core::Cause>();
  state.cause_node.kind = in.as<core::Node::Kind>();
  state.cause_node.id = in.number();
  state.attempt = in.as<std::uint32_t>();
  state.requeues = in.as<std::uint32_t>();
  state.last_exit = unpack_exit(in);
  state.not_before.us = in.difference();
  state.started.us = in.difference();
  state.allocation = unpack_allocation(in);
  state.behind.value = in.number();
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
    if (in.ok()) {
      edges.push_back(edge);
    }
  }
  return in.ok();
}

}  // namespace cattino::store
