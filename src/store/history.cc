// The Store over SQLite: what goes. A discarded or forgotten submission is marked, which nobody sees past,
// and then swept away a few rows at a time: a million at once would hold up the deciding thread.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "store/limits.h"
#include "store/sqlite_store.h"

namespace cattino::store {

Status SqliteStore::discard(SubmissionId id) {
  auto found = lookup_.submission(id);
  if (!found) {
    return found.error();
  }
  if (found->visible) {
    return Error{
        .code = ErrorCode::conflict,
        .message = fmt::format("submission {} is visible already", id.value)};
  }
  if (Status done = write(discard_submission_.with(id.value)); !done) {
    return done;
  }
  discarded_.push_back({found->submission});
  staging_.erase(id.value);
  last_staging_ = nullptr;
  liveness_.drop(id);
  return ok();
}

Status SqliteStore::find_discarded() {
  Statement query(*connection_, "SELECT id FROM submissions WHERE visibility = 2 ORDER BY id");
  auto found = submissions_of(query.with());
  if (!found) {
    return found.error();
  }
  discarded_.clear();
  for (Submission& submission : *found) {
    discarded_.push_back({std::move(submission)});
  }
  return ok();
}

// ---- history

Result<std::vector<Submission>> SqliteStore::outdated(const Keep& keep) {
  std::uint64_t surplus = ended_tasks_ - std::min(ended_tasks_, keep.most_tasks);
  const Time before =
      surplus > 0 ? std::max(keep.surely_after, keep.ended_after) : keep.ended_after;
  std::vector<SubmissionId> ids;
  {
    Statement oldest(
        *connection_,
        "SELECT id, ended, task_count FROM submissions WHERE visibility = 1 AND ended < ?"
        " ORDER BY ended LIMIT ?");
    Rows rows = oldest.with(before.us, forgotten_at_once).rows();
    while (rows.next() && (rows.number(1) < keep.ended_after.us || surplus > 0)) {
      ids.push_back(SubmissionId{rows.id(0)});
      surplus -= std::min(surplus, rows.id(2));
    }
    if (Status status = rows.status(); !status) {
      return status.error();
    }
  }
  return submissions_of(ids);
}

Status SqliteStore::forget(SubmissionId id) {
  auto found = lookup_.submission(id);
  if (!found) {
    return found.error();
  }
  if (!found->visible || found->live) {
    return Error{
        .code = ErrorCode::conflict,
        .message = fmt::format("submission {} has not ended", id.value)};
  }
  if (Status done = write(discard_submission_.with(id.value)); !done) {
    return done;
  }
  ended_tasks_ -= std::min(ended_tasks_, found->submission.task_count);
  marks_moved_ = true;
  discarded_.push_back({found->submission});
  liveness_.drop(id);
  return ok();
}

// ---- sweeping

Result<bool> SqliteStore::sweep() {
  if (discarded_.empty() || connection_->in_transaction()) {
    return !discarded_.empty();  // what others began is theirs to commit
  }
  (void)sweep_portion();  // the commit tells what failed
  if (Status done = commit(); !done) {
    return done.error();
  }
  return !discarded_.empty();
}

template <class... Values>
Result<bool> SqliteStore::remove_some(
    const char* sql, std::uint64_t most, const Values&... values) {
  Statement remove(*connection_, sql);
  if (Status done = write(remove.with(values..., most)); !done) {
    return done.error();
  }
  return static_cast<std::uint64_t>(connection_->changed_rows()) >= most;
}

Status SqliteStore::sweep_portion() {
  Discarded& discarded = discarded_.back();
  const std::uint64_t end = discarded.submission.first_task.value + discarded.submission.task_count;
  std::uint64_t first = 0;
  {
    Rows rows = next_unswept_.with(discarded.next_task, end).rows();
    first = rows.next() ? rows.id(0) : end;
    if (Status status = rows.status(); !status) {
      failed_ = status.error();
      return status;
    }
  }
  const std::uint64_t next = std::min(end, first + sweep_rows);
  // Attempts first: there may be thousands of a task, and they are found by the task's row.
  auto more = remove_some(
      "DELETE FROM attempts WHERE key IN"
      " (SELECT key FROM attempts WHERE key >= ? AND key < ? LIMIT ?)",
      sweep_rows,
      AttemptId{TaskId{first}, 0}.key(),
      AttemptId{TaskId{next}, 0}.key());
  if (!more || *more) {
    return more ? ok() : Status(more.error());
  }
  for (const char* sql :
       {"DELETE FROM tasks WHERE id >= ? AND id < ?",
        "DELETE FROM states WHERE id >= ? AND id < ?",
        "DELETE FROM hidden WHERE id >= ? AND id < ?"}) {
    Statement remove(*connection_, sql);
    if (Status done = write(remove.with(first, next)); !done) {
      return done;
    }
  }
  discarded.next_task = next;
  return next < end ? ok() : sweep_rest(discarded.submission);
}

Status SqliteStore::sweep_rest(const Submission& submission) {
  const std::uint64_t group = submission.first_group.value;
  auto more = remove_some(
      "DELETE FROM groups WHERE id IN (SELECT id FROM groups WHERE id >= ? AND id < ? LIMIT ?)",
      sweep_rows,
      group,
      group + submission.group_count);
  if (more && !*more) {
    more = remove_some(
        "DELETE FROM edges WHERE id IN (SELECT id FROM edges WHERE submission = ? LIMIT ?)",
        sweep_chunks,
        submission.id.value);
  }
  if (!more || *more) {
    return more ? ok() : Status(more.error());
  }
  for (const char* sql :
       {"DELETE FROM objects WHERE submission = ?", "DELETE FROM submissions WHERE id = ?"}) {
    Statement remove(*connection_, sql);
    if (Status done = write(remove.with(submission.id.value)); !done) {
      return done;
    }
  }
  Statement environment(
      *connection_,
      "DELETE FROM environments WHERE id = ?"
      " AND NOT EXISTS (SELECT 1 FROM submissions WHERE environment = ?)");
  if (Status done = write(environment.with(submission.environment, submission.environment));
      !done) {
    return done;
  }
  discarded_.pop_back();
  return ok();
}

}  // namespace cattino::store
