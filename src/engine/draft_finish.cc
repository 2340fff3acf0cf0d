// New work, taken in as a whole.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "engine/draft.h"
#include "engine/problems.h"
#include "sys/faults.h"

namespace cattino::engine {

namespace {

constexpr std::size_t shown_conflicts = 5;

LiveNames::Questions questions(World& world) {
  return {
      [&world](TaskId task) { return world.is_live(task); },
      [&world](TaskId task) {
        return world.fullname_of(task);
      }};
}

}  // namespace

void Draft::finish(std::uint64_t edges, Answer<SubmissionView> answer) {
  answer_ = std::move(answer);
  if (broken_) {
    refuse(*broken_);
    return;
  }
  if (const Status counts = check_counts(edges); !counts) {
    refuse(counts.error());
    return;
  }
  services_.observer.when_known(wants_devices(), [self = shared_from_this()](bool known) {
    if (!known) {
      self->refuse(self->unknown_devices());
      return;
    }
    if (self->answered_before()) {
      return;
    }
    if (const Status fit = self->check_fit(); !fit) {
      self->refuse(fit.error());
      return;
    }
    self->make_run_dir();
  });
}

/// Neither came in minutes: the report of the supervisor, or that of the driver.
Error Draft::unknown_devices() const {
  if (!world_.supervisor_problem.empty()) {
    return world_.unusable_supervisor();
  }
  return {
      ErrorCode::unavailable,
      world_.connected ? "the devices of this machine are not known: their driver does not answer"
                       : "the supervisor does not answer, so nothing can be started",
      {},
      "meow test tells what lives; try again"};
}

Status Draft::check_counts(std::uint64_t edges) const {
  const store::Submission& said = header_.submission;
  const auto differs = [](const char* what, std::uint64_t expected, std::uint64_t got) {
    return Error{
        ErrorCode::invalid,
        fmt::format("expected {} {}, got {}", expected, what, got),
        "end",
        "the submission was cut short: send it again"};
  };
  if (work_.groups.size() != said.group_count) {
    return differs("groups", said.group_count, work_.groups.size());
  }
  if (work_.tasks.size() != said.task_count) {
    return differs("tasks", said.task_count, work_.tasks.size());
  }
  if (work_.edges.size() != edges) {
    return differs("edges", edges, work_.edges.size());
  }
  return ok();
}

bool Draft::wants_devices() const {
  return std::any_of(work_.tasks.begin(), work_.tasks.end(), [](const core::TaskSpec& task) {
    return task.request.min_devices > 0;
  });
}

Status Draft::check_fit() const {
  const std::vector<core::Problem> problems = world_.core.check(work_);
  if (problems.empty()) {
    return ok();
  }
  const ProblemContext context{
      [this](core::Node node) { return name_of(node); },
      [this](core::Node node) -> const core::Request& {
        return work_.tasks[node.id - header_.submission.first_task.value].request;
      },
      header_.submission.first_task,
      world_.has_accelerators()};
  Error error = problem_error(problems.front(), context);
  if (problems.size() > 1) {
    error.message += fmt::format(" (and {} more)", problems.size() - 1);
  }
  return error;
}

std::string Draft::fullname_at(std::size_t index) const {
  const std::size_t written = work_.tasks.size() - new_tasks_.size();
  if (index >= written) {
    return new_tasks_[index - written].fullname;
  }
  const Result<store::Task> task = world_.store->task(work_.tasks[index].id);
  return task ? task->fullname : std::string();
}

std::string Draft::name_of(core::Node node) const {
  if (node.kind == core::Node::Kind::group) {
    return group_fullnames_[node.id - header_.submission.first_group.value];
  }
  return fullname_at(node.id - header_.submission.first_task.value);
}

// ---- names ------------------------------------------------------------------------------------------

/// Tasks whose names belong to tasks that have not ended.
void Draft::find_taken(std::vector<Conflict>& found) {
  const LiveNames::Questions ask = questions(world_);
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    const std::optional<TaskId> holder =
        world_.names.may_hold(hashes_[i]) ? world_.names.holder(fullname_at(i), ask) : std::nullopt;
    if (holder) {
      found.push_back({i, *holder, false});
    }
  }
}

/// Tasks whose names earlier tasks of this submission have.
void Draft::find_twice(std::vector<Conflict>& found) const {
  std::vector<std::pair<std::uint64_t, std::size_t>> sorted;
  sorted.reserve(hashes_.size());
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    sorted.emplace_back(hashes_[i], i);
  }
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i].first == sorted[i - 1].first &&
        fullname_at(sorted[i].second) == fullname_at(sorted[i - 1].second)) {
      found.push_back({sorted[i].second, {}, true});
    }
  }
}

std::vector<Draft::Conflict> Draft::conflicts() {
  std::vector<Conflict> found;
  find_taken(found);
  find_twice(found);
  // A name that is both taken and given twice is one conflict.
  std::stable_sort(found.begin(), found.end(), [](const Conflict& a, const Conflict& b) {
    return a.task < b.task;
  });
  std::vector<Conflict> merged;
  for (const Conflict& each : found) {
    if (!merged.empty() && merged.back().task == each.task) {
      merged.back().twice = merged.back().twice || each.twice;
    } else {
      merged.push_back(each);
    }
  }
  return merged;
}

Error Draft::conflict_error(const std::vector<Conflict>& found) const {
  Error error;
  error.code = ErrorCode::conflict;
  error.field = fmt::format("tasks[{}].name", found.front().task);
  for (std::size_t i = 0; i < found.size() && i < shown_conflicts; ++i) {
    const std::string name = fullname_at(found[i].task);
    error.message += error.message.empty() ? "" : "; ";
    error.message += found[i].holder
                         ? fmt::format(
                               "`{}` is the name of a task that has not ended (#{})",
                               name,
                               found[i].holder.value)
                         : fmt::format("`{}` is the name of two tasks of this submission", name);
  }
  if (found.size() > shown_conflicts) {
    error.message += fmt::format(" (and {} more)", found.size() - shown_conflicts);
  }
  error.hint = found.front().holder
                   ? "wait for it, cancel it, or set override-exist-tasks to allow or rename"
                   : "give each task its own name, or set override-exist-tasks to rename";
  return error;
}

/// "train_1", the first that nobody has; `taken` are the names of this submission, and grows by it.
std::optional<std::string> Draft::free_name(
    const std::string& name, std::unordered_set<std::uint64_t>& taken) const {
  constexpr unsigned most_tries = 100'000;
  const LiveNames::Questions ask = questions(world_);
  for (unsigned number = 1; number <= most_tries; ++number) {
    std::string candidate = fmt::format("{}_{}", name, number);
    const std::uint64_t hash = LiveNames::hash(candidate);
    if (!taken.contains(hash) && !world_.names.holder(candidate, ask)) {
      taken.insert(hash);
      return candidate;
    }
  }
  return std::nullopt;
}

/// The rows are in the open transaction already.
Status Draft::rename(const std::vector<Conflict>& found) {
  std::unordered_set<std::uint64_t> given(hashes_.begin(), hashes_.end());
  for (const Conflict& conflict : found) {
    const TaskId id = work_.tasks[conflict.task].id;
    const Result<store::Task> task = world_.store->task(id);
    if (!task) {
      return task.error();
    }
    const std::optional<std::string> fullname = free_name(task->fullname, given);
    if (!fullname) {
      return conflict_error({conflict});
    }
    const std::string name =
        task->name + fullname->substr(task->fullname.size());  // the same "_1" after it
    if (Status renamed = world_.store->rename_staged(id, name, *fullname); !renamed) {
      return renamed;
    }
    hashes_[conflict.task] = LiveNames::hash(*fullname);
  }
  return ok();
}

// ---- the end ----------------------------------------------------------------------------------------

void Draft::make_run_dir() {
  const auto found = conflicts();
  const bool own =
      std::any_of(found.begin(), found.end(), [](const Conflict& each) { return each.twice; });
  if (!found.empty() && header_.on_conflict != "rename" &&
      (own || header_.on_conflict == "forbid")) {
    refuse(conflict_error(found));
    return;
  }
  world_.write_files<Result<std::string>>(
      [dirs = services_.run_dirs,
       format = header_.date_format,
       created = header_.submission.created] { return dirs->make(format, created); },
      [self = shared_from_this()](Result<std::string> made) {
        if (made) {
          self->take_in(made.value());
        } else {
          self->refuse(made.error());
        }
      });
}

/// A submission with the key of one that was taken is answered like the first.
bool Draft::answered_before() {
  if (header_.submission.key.empty()) {
    return false;
  }
  const auto earlier = world_.store->submission_of_key(header_.submission.key);
  if (!earlier || !earlier.value()) {
    return false;
  }
  abandon();
  const Result<SubmissionView> view = services_.view(earlier.value());
  services_.turn.answer_stored([answer = std::exchange(answer_, {}), view](const Status& synced) {
    answer(synced ? view : Result<SubmissionView>(synced.error()));
  });
  services_.turn.end_soon();
  return true;
}

void Draft::take_in(const std::string& run_dir) {
  if (world_.leaving) {
    refuse({ErrorCode::unavailable, "the backend is leaving"});
    return;
  }
  if (services_.turn.failing()) {
    refuse(services_.turn.fence().error());
    return;
  }
  if (answered_before()) {
    return;
  }
  const std::vector<Conflict> found = conflicts();  // while the directory was made, others came
  if (!found.empty() && header_.on_conflict == "forbid") {
    refuse(conflict_error(found));
    return;
  }
  header_.submission.run_dir = run_dir;
  const Status stored = store_all(found, run_dir);
  if (!stored) {
    refuse(stored.error());
    return;
  }
  finished_ = true;
  step(found);
}

Status Draft::store_all(const std::vector<Conflict>& found, const std::string& run_dir) {
  Status stored = write_rows();
  if (stored && header_.on_conflict == "rename" && !found.empty()) {
    stored = rename(found);
  }
  if (stored) {
    stored = world_.store->make_visible(header_.submission.id, run_dir);
  }
  if (!stored && begun_) {
    (void)world_.store->discard(header_.submission.id);
  }
  sys::fault_point("engine.submission-written");
  const Status committed = world_.store->commit();
  sys::fault_point("engine.submission-committed");
  return stored ? committed : stored;
}

/// It is on disk: now the core takes it.
void Draft::step(const std::vector<Conflict>& found) {
  core::Requested replace;
  replace.cause = core::Cause::replaced;
  for (const Conflict& conflict : found) {
    if (header_.on_conflict == "allow" && conflict.holder) {
      replace.tasks.push_back(conflict.holder);
    }
  }
  if (!replace.tasks.empty()) {
    services_.turn.step(replace);
  }
  for (std::size_t i = 0; i < work_.tasks.size(); ++i) {
    world_.names.add(hashes_[i], work_.tasks[i].id);
  }
  world_.remember(header_.submission);
  world_.had_work = true;
  const SubmissionId id = header_.submission.id;
  services_.turn.step(std::exchange(work_, {}));
  services_.turn.write_soon();
  const Result<SubmissionView> view = services_.view(id);
  services_.turn.answer_stored([answer = std::move(answer_), view](const Status& synced) {
    answer(synced ? view : Result<SubmissionView>(synced.error()));
  });
  services_.turn.end_soon();
}

void Draft::refuse(Error error) {
  abandon();
  if (!answer_) {
    return;
  }
  world_.loop.post(
      [answer = std::exchange(answer_, {}), error = std::move(error)] { answer(error); });
}

}  // namespace cattino::engine
