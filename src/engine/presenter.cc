// Views out of the stored snapshot.
#include "engine/presenter.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "engine/paths.h"
#include "engine/reasons.h"
#include "engine/secrets.h"

namespace cattino::engine {

SnapshotViews::SnapshotViews(store::Reader& reader, std::vector<std::string> device_names)
    : reader_(reader), device_names_(std::move(device_names)) {}

const store::Submission& SnapshotViews::submission(SubmissionId id) {
  const auto at = submissions_.find(id);
  if (at != submissions_.end()) {
    return at->second;
  }
  Result<store::Submission> found = reader_.submission(id);
  return submissions_.emplace(id, found ? std::move(found.value()) : store::Submission{})
      .first->second;
}

std::vector<std::string> SnapshotViews::names_of(const std::vector<std::uint16_t>& devices) const {
  std::vector<std::string> names;
  names.reserve(devices.size());
  for (const std::uint16_t index : devices) {
    names.push_back(
        index < device_names_.size() ? device_names_[index] : fmt::format("device {}", index));
  }
  return names;
}

std::string SnapshotViews::name(core::Node node) {
  Result<std::vector<std::string>> names = reader_.names({node});
  return names && !names->empty() && !names->front().empty() ? names->front()
                                                             : fmt::format("#{}", node.id);
}

TaskView SnapshotViews::task(store::TaskRow row, const std::vector<store::GroupRow>& groups) {
  TaskView view;
  view.row = std::move(row);
  const store::Task& task = view.row.task;
  view.shown = task.fullname;
  if (task.spec.group) {
    const auto at = std::lower_bound(
        groups.begin(),
        groups.end(),
        task.spec.group,
        [](const store::GroupRow& group, GroupId id) { return group.group.spec.id < id; });
    if (at != groups.end() && at->group.spec.id == task.spec.group) {
      view.group = at->group.fullname;
    }
  }
  view.run_dir = submission(task.submission).run_dir;
  view.directory = log_directory(view.run_dir, task.fullname);
  if (view.row.state.attempt > 0) {
    add_last_attempt(view);
  }
  if (core::has_ended(view.row.state.status)) {
    view.reason = end_reason(view.row);
  }
  return view;
}

void SnapshotViews::add_last_attempt(TaskView& view) {
  const core::TaskState& state = view.row.state;
  view.stdout_path = log_path(view.directory, "stdout", state.attempt);
  view.stderr_path = log_path(view.directory, "stderr", state.attempt);
  if (state.status == core::TaskStatus::running) {
    view.progress = read_report(view.directory, state.attempt);
    if (!view.progress) {
      view.progress = read_bar(view.stderr_path, view.stdout_path);
    }
  }
  if (!state.allocation.devices.empty()) {
    view.devices = names_of(state.allocation.devices);
    return;
  }
  if (view.row.task.spec.request.min_devices == 0) {
    return;
  }
  const auto attempts = reader_.attempts(view.row.task.spec.id);
  if (attempts && !attempts->empty()) {
    view.devices = names_of(attempts->back().devices);
  }
}

std::vector<TaskView> SnapshotViews::tasks(Selected& selected) {
  std::vector<TaskView> views;
  views.reserve(selected.tasks.size());
  for (store::TaskRow& row : selected.tasks) {
    views.push_back(task(std::move(row), selected.groups));
  }
  selected.tasks.clear();
  return views;
}

std::optional<ReasonView> SnapshotViews::end_reason(const store::TaskRow& row) {
  ReasonView reason;
  reason.kind = end_kind(row.state);
  if (reason.kind.empty()) {
    return std::nullopt;
  }
  if (row.state.cause == core::Cause::dependency) {
    const Dependency& failed = dependency(row.state.cause_node, row.task.submission);
    reason.text = "dependency " + failed.text;
    reason.resume = failed.resume;
    reason.names = {name(row.state.cause_node)};
    reason.data.nodes = {row.state.cause_node};
  } else {
    reason.text = short_end(row.state, [this](core::Node node) { return name(node); });
  }
  return reason;
}

/// Hundreds may have been cancelled because of one.
const SnapshotViews::Dependency& SnapshotViews::dependency(
    core::Node node, SubmissionId submission) {
  const auto at = dependencies_.find(node);
  if (at != dependencies_.end()) {
    return at->second;
  }
  return dependencies_.emplace(node, failed_dependency(node, submission, 0)).first->second;
}

/// "train failed with exit status 3"; for one that was itself cancelled because of another, that too.
SnapshotViews::Dependency SnapshotViews::failed_dependency(
    core::Node node, SubmissionId submission, int depth) {
  constexpr int deepest = 16;
  const std::string fullname = name(node);
  store::Filter filter;
  filter.hidden = true;
  filter.limit = 1;
  if (node.kind == core::Node::Kind::task) {
    filter.ids = {TaskId{node.id}};
  } else {
    filter.fullnames = {fullname};
    filter.submissions = {submission};
    filter.statuses = {core::TaskStatus::failed};
  }
  const Result<store::Listing> found = reader_.list(filter);
  if (!found || found->tasks.empty()) {
    return {fullname + " did not succeed", fullname};
  }
  const store::TaskRow& row = found->tasks.front();
  const std::string text = describe_prerequisite(row.task.fullname, row.state);
  if (node.kind == core::Node::Kind::group) {
    return {fmt::format("{} did not succeed: {}", fullname, text), fullname};
  }
  if (row.state.cause == core::Cause::dependency && depth < deepest) {
    Dependency root = failed_dependency(row.state.cause_node, submission, depth + 1);
    root.text = fmt::format("{}, as {}", text, root.text);
    return root;
  }
  return {text, row.state.status == core::TaskStatus::done ? "" : fullname};
}

namespace {

/// The submission's environment with the task's own variables over it.
std::vector<std::string> merged(
    std::vector<std::string> environment,
    const std::vector<std::pair<std::string, std::string>>& variables) {
  for (const auto& [name, value] : variables) {
    const std::string prefix = name + "=";
    std::erase_if(environment, [&prefix](const std::string& variable) {
      return variable.starts_with(prefix);
    });
    environment.push_back(prefix + value);
  }
  return environment;
}

}  // namespace

Result<DetailView> SnapshotViews::detail(
    store::TaskRow row, const std::vector<store::GroupRow>& groups) {
  const TaskId id = row.task.spec.id;
  DetailView view;
  view.submission = submission(row.task.submission);
  view.task = task(std::move(row), groups);
  if (!view.task.progress && view.task.row.state.attempt > 0) {
    view.task.progress = read_report(view.task.directory, view.task.row.state.attempt);
  }
  Result<std::vector<store::Attempt>> attempts = reader_.attempts(id);
  if (!attempts) {
    return attempts.error();
  }
  for (store::Attempt& attempt : attempts.value()) {
    AttemptView shown;
    shown.devices = names_of(attempt.devices);
    shown.stdout_path = log_path(view.task.directory, "stdout", attempt.id.number);
    shown.stderr_path = log_path(view.task.directory, "stderr", attempt.id.number);
    shown.attempt = std::move(attempt);
    view.attempts.push_back(std::move(shown));
  }
  if (const auto edges = reader_.edges_of(id)) {
    if (auto needs = reader_.names(edges->first)) {
      view.needs = std::move(needs.value());
    }
    if (auto needed_by = reader_.names(edges->second)) {
      view.needed_by = std::move(needed_by.value());
    }
  }
  if (Result<std::vector<std::string>> environment =
          reader_.environment(view.submission.environment)) {
    view.environment = masked(merged(std::move(environment.value()), view.task.row.task.variables));
  }
  return view;
}

namespace {

struct Tally {
  std::map<core::TaskStatus, std::uint64_t> counts;
};

GroupView group_view(const store::GroupRow& row, const Tally& tally) {
  GroupView view;
  view.row = row;
  for (const auto& [status, count] : tally.counts) {
    view.counts.emplace_back(core::name(status), count);
  }
  view.status = view.counts.size() == 1 ? view.counts.front().first : "MultiStatus";
  return view;
}

}  // namespace

std::vector<GroupView> group_views(
    const std::vector<TaskView>& tasks, const std::vector<store::GroupRow>& groups) {
  std::map<GroupId, GroupId> parents;
  for (const store::GroupRow& row : groups) {
    parents.emplace(row.group.spec.id, row.group.spec.parent);
  }
  std::map<GroupId, Tally> tallies;
  for (const TaskView& view : tasks) {
    GroupId group = view.row.task.spec.group;
    for (auto at = parents.find(group); at != parents.end(); at = parents.find(group)) {
      ++tallies[group].counts[view.row.state.status];
      group = at->second;
    }
  }
  std::vector<GroupView> views;
  for (const store::GroupRow& row : groups) {
    const auto at = tallies.find(row.group.spec.id);
    if (at != tallies.end()) {
      views.push_back(group_view(row, at->second));
    }
  }
  return views;
}

}  // namespace cattino::engine
