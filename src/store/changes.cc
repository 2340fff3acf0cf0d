// The Store over SQLite: what changes while tasks run, and what is loaded of it after a restart.
#include <utility>

#include <fmt/core.h>

#include "store/codec.h"
#include "store/soundness.h"
#include "store/sqlite_store.h"

namespace cattino::store {

Status SqliteStore::put(TaskId task, const core::TaskState& state) {
  auto entry = entry_of(task);
  if (!entry) {
    return entry.error();
  }
  packer_.clear();
  pack_state(state, packer_);
  Status done = write(put_state_.with(
      task.value, static_cast<std::int64_t>(state.status), state.ended.us, Blob{packer_.bytes()}));
  if (done) {
    liveness_.set(**entry, task, state);
  }
  return done;
}

Status SqliteStore::put(GroupId group, const core::GroupState& state) {
  auto found = lookup_.group(group);
  if (!found) {
    return found.error();
  }
  auto entry = entry_of(found->group.submission);
  if (!entry) {
    return entry.error();
  }
  packer_.clear();
  pack_group_state(state, packer_);
  Status done = write(
      put_group_.with(static_cast<std::int64_t>(state.phase), Blob{packer_.bytes()}, group.value));
  if (done) {
    liveness_.set(**entry, group, state.phase);
  }
  return done;
}

Status SqliteStore::put_start(const Attempt& attempt) {
  packer_.clear();
  pack_placement(attempt, packer_);
  second_packer_.clear();
  pack_outcome(attempt, second_packer_);
  return write(put_start_.with(
      attempt.id.key(),
      attempt.started.us,
      attempt.ended.us,
      attempt.pid,
      Blob{packer_.bytes()},
      Blob{second_packer_.bytes()}));
}

Status SqliteStore::put_pid(AttemptId attempt, std::int32_t pid) {
  return write(put_pid_.with(pid, attempt.key()));
}

// What the start said (time, devices) stays; an attempt whose start was not stored is stored whole.
Status SqliteStore::put_end(const Attempt& attempt) {
  packer_.clear();
  pack_outcome(attempt, packer_);
  Status done =
      write(put_end_.with(attempt.ended.us, attempt.pid, Blob{packer_.bytes()}, attempt.id.key()));
  if (done && connection_->changed_rows() == 0) {
    return put_start(attempt);
  }
  return done;
}

Status SqliteStore::hide(TaskId task) {
  return write(hide_.with(task.value));
}

// ---- liveness of submissions that memory does not know

Result<Liveness::Entry*> SqliteStore::entry_of(TaskId task) {
  if (Liveness::Entry* entry = liveness_.find(task); entry != nullptr) {
    return entry;
  }
  auto submission = lookup_.submission_of(task);
  if (!submission) {
    return submission.error();
  }
  return entry_of(*submission);
}

Result<Liveness::Entry*> SqliteStore::entry_of(SubmissionId id) {
  if (Liveness::Entry* entry = liveness_.find(id); entry != nullptr) {
    return entry;
  }
  auto found = lookup_.submission(id);
  if (!found) {
    return found.error();
  }
  const Submission& submission = found->submission;
  core::Restored restored;
  auto groups = lookup_.groups(submission.first_group, submission.group_count);
  if (!groups) {
    return groups.error();
  }
  for (const GroupRow& row : *groups) {
    restored.work.groups.push_back(row.group.spec);
    restored.groups.push_back(row.state);
  }
  if (!are_handed_out(submission)) {
    return bad_row("submission", submission.id.value);
  }
  restored.tasks.resize(submission.task_count);
  if (Status done = restore_states(submission, restored); !done) {
    return done.error();
  }
  track(submission, found->live, restored);
  return liveness_.find(id);
}

void SqliteStore::track(const Submission& submission, bool stored, const core::Restored& restored) {
  Liveness::Entry& entry = liveness_.add(submission, stored);
  for (std::size_t i = 0; i < restored.tasks.size(); ++i) {
    const core::TaskState& state = restored.tasks[i];
    if (state.status != core::TaskStatus::waiting) {
      liveness_.set(entry, TaskId{submission.first_task.value + i}, state);
    }
  }
  for (std::size_t i = 0; i < restored.groups.size(); ++i) {
    liveness_.set(entry, restored.work.groups[i].id, restored.groups[i].phase);
  }
}

// ---- loading

/// Its ids were set aside once. Else the row is damaged, and how much it claims to have must not be believed.
bool SqliteStore::are_handed_out(const Submission& submission) const {
  return submission.first_task.value + submission.task_count <= last_task_ + 1 &&
         submission.first_group.value + submission.group_count <= last_group_ + 1;
}

Result<std::vector<Submission>> SqliteStore::submissions_of(const std::vector<SubmissionId>& ids) {
  std::vector<Submission> submissions;
  submissions.reserve(ids.size());
  for (const SubmissionId id : ids) {
    auto found = lookup_.submission(id);
    if (!found) {
      return found.error();
    }
    submissions.push_back(std::move(found->submission));
  }
  return submissions;
}

/// `query` selects ids.
Result<std::vector<Submission>> SqliteStore::submissions_of(Statement& query) {
  std::vector<SubmissionId> ids;
  {
    Rows rows = query.rows();
    while (rows.next()) {
      ids.push_back(SubmissionId{rows.id(0)});
    }
    if (Status status = rows.status(); !status) {
      return status.error();
    }
  }
  return submissions_of(ids);
}

Result<std::vector<Submission>> SqliteStore::live_submissions() {
  return submissions_of(live_.with());
}

Status SqliteStore::restore_tasks(const Submission& submission, core::Restored& restored) {
  const std::uint64_t first = submission.first_task.value;
  std::vector<core::TaskSpec>& specs = restored.work.tasks;
  specs.reserve(submission.task_count);
  Rows rows = specs_.with(first, first + submission.task_count).rows();
  SubmissionId owner;
  while (rows.next()) {
    core::TaskSpec& spec = specs.emplace_back();
    spec.id.value = rows.id(0);
    if (spec.id.value != first + specs.size() - 1 || !unpack_spec(rows.bytes(1), spec, owner) ||
        owner != submission.id) {
      return bad_row("task", spec.id.value);
    }
  }
  if (Status status = rows.status(); !status) {
    return status;
  }
  return specs.size() == submission.task_count ? ok() : bad_row("submission", submission.id.value);
}

Status SqliteStore::restore_states(const Submission& submission, core::Restored& restored) {
  const std::uint64_t first = submission.first_task.value;
  const std::uint64_t end = first + submission.task_count;
  Ascending ids(first, end);
  Rows rows = states_.with(first, end).rows();
  while (rows.next()) {
    if (!ids.take(rows.id(0)) || !is_status(rows.number(1))) {
      return bad_row("task", rows.id(0));
    }
    core::TaskState& state = restored.tasks[rows.id(0) - first];
    state.status = static_cast<core::TaskStatus>(rows.number(1));
    state.ended.us = rows.number(2);
    if (!unpack_state(rows.bytes(3), state)) {
      return bad_row("task", rows.id(0));
    }
  }
  return rows.status();
}

Result<core::Restored> SqliteStore::restore(const Submission& submission) {
  if (!are_handed_out(submission)) {
    return bad_row("submission", submission.id.value);
  }
  core::Restored restored;
  restored.work.id = submission.id;
  auto groups = lookup_.groups(submission.first_group, submission.group_count);
  if (!groups) {
    return groups.error();
  }
  for (const GroupRow& row : *groups) {
    restored.work.groups.push_back(row.group.spec);
    restored.groups.push_back(row.state);
  }
  if (Status done = restore_tasks(submission, restored); !done) {
    return done.error();
  }
  restored.tasks.reserve(submission.task_count);
  for (const core::TaskSpec& spec : restored.work.tasks) {
    restored.tasks.push_back(core::first_state(spec));
  }
  if (Status done = restore_states(submission, restored); !done) {
    return done.error();
  }
  auto edges = lookup_.edges(submission.id);
  if (!edges) {
    return edges.error();
  }
  restored.work.edges = std::move(*edges);
  if (Status sound = check_sound(submission, restored.work); !sound) {
    return sound.error();
  }
  return restored;
}

Status SqliteStore::load_live(const std::function<void(core::Restored)>& each) {
  auto submissions = live_submissions();
  if (!submissions) {
    return submissions.error();
  }
  for (const Submission& submission : *submissions) {
    auto restored = restore(submission);
    if (!restored) {
      return restored.error();
    }
    if (liveness_.find(submission.id) == nullptr) {
      track(submission, true, *restored);
    }
    each(std::move(*restored));
  }
  connection_->release_memory();  // pages that the hot path will not need again
  return ok();
}

Result<core::Restored> SqliteStore::load(SubmissionId id) {
  auto found = lookup_.submission(id);
  if (!found) {
    return found.error();
  }
  auto restored = restore(found->submission);
  if (restored && liveness_.find(id) == nullptr) {
    track(found->submission, found->live, *restored);
  }
  return restored;
}

Status SqliteStore::live_names(const std::function<void(TaskId, std::string_view)>& each) {
  auto submissions = live_submissions();
  if (!submissions) {
    return submissions.error();
  }
  for (const Submission& submission : *submissions) {
    if (Status done = live_names_of(submission, each); !done) {
      return done;
    }
  }
  return ok();
}

Status SqliteStore::live_names_of(
    const Submission& submission, const std::function<void(TaskId, std::string_view)>& each) {
  const std::uint64_t first = submission.first_task.value;
  const std::uint64_t end = first + submission.task_count;
  Rows states = states_.with(first, end).rows();
  Rows names = fullnames_.with(first, end).rows();
  bool more = states.next();
  while (names.next()) {
    bool is_over = false;
    if (more && states.id(0) == names.id(0)) {
      is_over = core::has_ended(static_cast<core::TaskStatus>(states.number(1)));
      more = states.next();
    }
    if (!is_over) {
      each(TaskId{names.id(0)}, names.bytes(1));
    }
  }
  Status read = states.status();
  return read ? names.status() : read;
}

}  // namespace cattino::store
