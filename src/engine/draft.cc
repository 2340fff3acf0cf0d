// New work, line by line.
#include "engine/draft.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "engine/rules.h"
#include "sys/faults.h"

namespace cattino::engine {

namespace {

Error invalid(std::string field, std::string message) {
  return {ErrorCode::invalid, std::move(message), std::move(field)};
}

Error within(const std::string& where, Error error) {
  error.field = error.field.empty() ? where : where + "." + error.field;
  return error;
}

Status check_header(const Staging::Header& header) {
  const store::Submission& submission = header.submission;
  if (!submission.directory.starts_with('/')) {
    return invalid("submission.cwd", "the working directory must be an absolute path");
  }
  if (submission.task_count > most_tasks || submission.group_count > most_groups) {
    return Error{
        ErrorCode::too_large,
        fmt::format("at most {} tasks and {} groups a submission", most_tasks, most_groups),
        "submission"};
  }
  for (const char* known : {"", "forbid", "allow", "rename"}) {
    if (header.on_conflict == known) {
      return ok();
    }
  }
  return invalid("submission.on_conflict", "expected forbid, allow or rename");
}

}  // namespace

Result<std::shared_ptr<Draft>> Draft::begin(DraftServices services, Staging::Header header) {
  if (const Status checked = check_header(header); !checked) {
    return checked.error();
  }
  return std::shared_ptr<Draft>(new Draft(std::move(services), std::move(header)));
}

Draft::Draft(DraftServices services, Staging::Header header)
    : services_(std::move(services)), world_(services_.world), header_(std::move(header)) {
  store::Submission& submission = header_.submission;
  submission.id = world_.store->next_submission();
  submission.created = world_.clock.now();
  submission.first_task = world_.store->reserve_tasks(submission.task_count);
  submission.first_group = world_.store->reserve_groups(submission.group_count);
  if (header_.on_conflict.empty()) {
    header_.on_conflict = world_.options.settings.override_exist_tasks;
  }
  work_.id = submission.id;
  // What it says it has is believed when it comes.
  constexpr std::uint64_t most_at_once = 1'000'000;
  work_.tasks.reserve(std::min(submission.task_count, most_at_once));
  hashes_.reserve(std::min(submission.task_count, most_at_once));
}

Draft::~Draft() = default;

Status Draft::add_objects(std::string pickle) {
  if (begun_ || !work_.tasks.empty()) {
    return invalid("objects", "objects come before the first task");
  }
  objects_ = std::move(pickle);
  header_.submission.has_objects = true;
  return ok();
}

// ---- refs -------------------------------------------------------------------------------------------

/// Is this a ref that a new group or task may have?
Status Draft::check_ref(std::uint32_t ref) const {
  const std::uint64_t most =
      4 * (header_.submission.task_count + header_.submission.group_count) + 1000;
  if (ref == 0 || ref > most) {
    return invalid("ref", fmt::format("expected an integer from 1 to {}, got {}", most, ref));
  }
  if (node_of(ref).kind != core::Node::Kind::none) {
    return invalid("ref", fmt::format("{} is taken", ref));
  }
  return ok();
}

core::Node Draft::node_of(std::uint32_t ref) const {
  const core::Node* const node = nodes_.find(ref);
  return node != nullptr ? *node : core::Node{};
}

Result<std::string> Draft::fullname_below(std::uint32_t group, const std::string& name) const {
  std::string fullname = name;
  if (group != 0) {
    const core::Node node = node_of(group);
    if (node.kind != core::Node::Kind::group) {
      return invalid({}, fmt::format("there is no group with ref {} before this line", group));
    }
    fullname = group_fullnames_[node.id - header_.submission.first_group.value] + "/" + name;
  }
  if (fullname.size() > most_fullname_bytes) {
    return invalid(
        "name", fmt::format("the full name has more than {} bytes", most_fullname_bytes));
  }
  return fullname;
}

// ---- lines ------------------------------------------------------------------------------------------

Status Draft::add(Staging::NewGroup group) {
  const std::string where = fmt::format("groups[{}]", work_.groups.size());
  if (work_.groups.size() == header_.submission.group_count) {
    return invalid(where, fmt::format("the first line said {} groups", work_.groups.size()));
  }
  if (const Status ref = check_ref(group.ref); !ref) {
    return within(where, ref.error());
  }
  if (const Status name = check_name(group.name, false); !name) {
    return within(where, name.error());
  }
  Result<std::string> fullname = fullname_below(group.parent, group.name);
  if (!fullname) {
    return within(where, fullname.error());
  }
  const bool hooks = group.hooks.on_start || group.hooks.on_end;
  if (hooks && (group.object < 0 || header_.submission.interpreter.empty())) {
    return invalid(where + ".hooks", "hooks need an object, and a submission with an interpreter");
  }
  core::GroupSpec spec;
  spec.id = GroupId{header_.submission.first_group.value + work_.groups.size()};
  spec.parent = group.parent == 0 ? GroupId{} : GroupId{node_of(group.parent).id};
  spec.hooks = group.hooks;
  spec.max_parallel = group.max_parallel;
  nodes_.create(group.ref) = core::Node::of(spec.id);
  work_.groups.push_back(spec);
  group_fullnames_.push_back(fullname.value());
  store::Group row;
  row.spec = spec;
  row.submission = header_.submission.id;
  row.ref = group.ref;
  row.object = group.object;
  row.name = std::move(group.name);
  row.fullname = std::move(fullname.value());
  new_groups_.push_back(std::move(row));
  return ok();
}

Status Draft::add(Staging::NewTask task) {
  const std::string where = fmt::format("tasks[{}]", work_.tasks.size());
  if (work_.tasks.size() == header_.submission.task_count) {
    return invalid(where, fmt::format("the first line said {} tasks", work_.tasks.size()));
  }
  if (const Status ref = check_ref(task.ref); !ref) {
    return within(where, ref.error());
  }
  if (const Status name = check_name(task.name, true); !name) {
    return within(where, name.error());
  }
  if (const Status program = check_program(task); !program) {
    return within(where, program.error());
  }
  if (const Status wishes = check_wishes(task); !wishes) {
    return within(where, wishes.error());
  }
  Result<std::string> fullname = fullname_below(task.group, task.name);
  if (!fullname) {
    return within(where, fullname.error());
  }
  const bool python =
      task.hooks.on_start || task.hooks.on_end || task.program.kind == store::ProgramKind::function;
  if (python && (task.object < 0 || header_.submission.interpreter.empty())) {
    return invalid(
        where + ".object",
        "hooks and functions need an object, and a submission with an interpreter");
  }
  store::Task row;
  row.spec.id = TaskId{header_.submission.first_task.value + work_.tasks.size()};
  row.spec.group = task.group == 0 ? GroupId{} : GroupId{node_of(task.group).id};
  row.spec.request = std::move(task.request);
  row.spec.retry = std::move(task.retry);
  row.spec.not_before = task.not_before ? world_.clock.at_wall(task.not_before) : Time{};
  row.spec.held = task.held;
  row.spec.preemptible = task.preemptible;
  row.spec.priority = task.priority;
  row.spec.created = header_.submission.created;
  row.spec.hooks = task.hooks;
  row.spec.command = task.program.kind != store::ProgramKind::function;
  row.spec.cascade = task.cascade.value_or(world_.options.settings.cascade_cancel_on_failure);
  row.submission = header_.submission.id;
  row.ref = task.ref;
  row.object = task.object;
  row.program = std::move(task.program);
  row.variables = std::move(task.variables);
  row.log_limit = task.log_limit;
  row.directory = std::move(task.directory);
  if (!row.directory.empty() && row.directory.front() != '/' && !row.directory.starts_with("${")) {
    row.directory = header_.submission.directory + "/" + row.directory;
  }
  nodes_.create(task.ref) = core::Node::of(row.spec.id);
  work_.tasks.push_back(row.spec);
  hashes_.push_back(LiveNames::hash(fullname.value()));
  row.name = std::move(task.name);
  row.fullname = std::move(fullname.value());
  new_tasks_.push_back(std::move(row));
  return ok();
}

Status Draft::add_edge(std::uint32_t from, std::uint32_t to, core::When when) {
  const core::Edge edge{node_of(from), node_of(to), when};
  for (const auto& [node, ref] : {std::pair{edge.from, from}, std::pair{edge.to, to}}) {
    if (node.kind == core::Node::Kind::none) {
      return invalid(
          fmt::format("edges[{}]", work_.edges.size()),
          fmt::format("there is no group or task with ref {}", ref));
    }
  }
  work_.edges.push_back(edge);
  return ok();
}

// ---- writing ----------------------------------------------------------------------------------------

/// Puts what is new into the open transaction; the caller commits.
Status Draft::write_rows() {
  store::Store& store = *world_.store;
  if (!begun_) {
    const Result<std::uint64_t> environment = store.intern_environment(header_.environment);
    if (!environment) {
      return environment.error();
    }
    header_.submission.environment = environment.value();
    if (Status staged = store.stage(header_.submission, objects_); !staged) {
      return staged;
    }
  }
  for (const store::Group& group : new_groups_) {
    if (Status staged = store.stage(group); !staged) {
      return staged;
    }
  }
  for (const store::Task& task : new_tasks_) {
    if (Status staged = store.stage(task); !staged) {
      return staged;
    }
  }
  if (written_edges_ < work_.edges.size()) {
    const std::vector<core::Edge> edges(
        work_.edges.begin() + static_cast<std::ptrdiff_t>(written_edges_), work_.edges.end());
    if (Status staged = store.stage(header_.submission.id, edges); !staged) {
      return staged;
    }
  }
  return ok();
}

Status Draft::flush() {
  if (broken_) {
    return *broken_;
  }
  const Status written = write_rows();
  const Status committed = world_.store->commit();
  sys::fault_point("engine.submission-staged");
  if (!written || !committed) {
    broken_ = !written ? written.error() : committed.error();
    return *broken_;
  }
  begun_ = true;
  new_groups_.clear();
  new_tasks_.clear();
  written_edges_ = work_.edges.size();
  objects_ = {};
  return ok();
}

void Draft::abandon() {
  if (finished_) {
    return;
  }
  finished_ = true;
  if (begun_) {
    (void)world_.store->discard(header_.submission.id);
    (void)world_.store->commit();
  }
}

}  // namespace cattino::engine
