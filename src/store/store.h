// The durable state: one SQLite database, WAL, written by one thread (the deciding one).
//
// Two strengths. `commit` only writes: after it, kill -9 of anything loses nothing. `sync` makes all
// that was committed survive a power cut: fdatasync of the WAL on a thread of its own, one for all who
// wait (group commit), then the callback on the loop. Checkpoints run on that thread too, over a
// connection of their own, so the deciding thread never waits for the disk.
//
// All writes since the last commit form one transaction; a failed one (full disk) is rolled back whole
// and the error says what was not kept.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/records.h"

namespace cattino::sys {
class Loop;
}

namespace cattino::store {

/// Which part of the history stays: what ended after `ended_after`, of that at most `most_tasks` tasks (the
/// latest), and whatever ended after `surely_after`.
struct Keep {
  Time ended_after;
  std::uint64_t most_tasks = 0;
  Time surely_after;
};

class Store {
 public:
  /// Opens or creates, migrates, and throws away submissions that were never made visible. A database
  /// that is damaged or not ours is an error of code `corrupt` and is left as it is (store/check.h).
  static Result<std::unique_ptr<Store>> open(const std::string& path, sys::Loop& loop);
  /// Renames a database that cannot be used, and what lies beside it; returns its new path. Nobody may have
  /// it open.
  static Result<std::string> set_aside(const std::string& path);
  virtual ~Store() = default;

  // ---- ids and stored facts
  virtual SubmissionId next_submission() = 0;
  virtual TaskId reserve_tasks(std::uint64_t count) = 0;  ///< the first of `count` consecutive ids
  virtual GroupId reserve_groups(std::uint64_t count) = 0;
  /// These ids are in use elsewhere: later ones are above them.
  virtual void skip(TaskId task, SubmissionId submission) = 0;
  /// The id of this environment ("NAME=value", sorted); equal ones are stored once.
  virtual Result<std::uint64_t> intern_environment(const std::vector<std::string>& variables) = 0;
  virtual Result<std::vector<std::string>> environment(std::uint64_t id) = 0;
  virtual Result<std::string> fact(const std::string& name) = 0;  ///< "" if it was never set
  virtual Status set_fact(const std::string& name, const std::string& value) = 0;

  // ---- staging: rows of a submission that nobody sees until `make_visible`
  // Readers, `load_live` and `live_names` do not see them, and a restart throws them away; the reads of
  // single rows below do. Ids must be those that were set aside in the submission.
  virtual Status stage(const Submission& submission, const std::string& objects) = 0;
  virtual Status stage(const Group& group) = 0;
  virtual Status stage(const Task& task) = 0;
  virtual Status stage(SubmissionId submission, const std::vector<core::Edge>& edges) = 0;
  /// Refused when a piece is missing or was rolled back (discard it then), and with `conflict` when
  /// another submission took the key meanwhile.
  virtual Status make_visible(SubmissionId submission, const std::string& run_dir) = 0;
  virtual Status rename_staged(
      TaskId task, const std::string& name, const std::string& fullname) = 0;
  /// Also after a rollback. Nobody sees it from then on; its rows go with `sweep`.
  virtual Status discard(SubmissionId submission) = 0;
  /// The submission that was taken with this key; 0: none.
  virtual Result<SubmissionId> submission_of_key(const std::string& key) = 0;

  // ---- what changes
  virtual Status put(TaskId task, const core::TaskState& state) = 0;
  virtual Status put(GroupId group, const core::GroupState& state) = 0;
  virtual Status put_start(const Attempt& attempt) = 0;
  virtual Status put_pid(AttemptId attempt, std::int32_t pid) = 0;
  /// Start, host and devices stay as `put_start` said (pid too, if it is 0 here).
  virtual Status put_end(const Attempt& attempt) = 0;
  virtual Status hide(TaskId task) = 0;

  // ---- history
  /// Submissions that have ended and that `keep` leaves out, oldest first: some of them.
  virtual Result<std::vector<Submission>> outdated(const Keep& keep) = 0;
  /// One that has ended, and that nobody uses: nobody sees it from the commit on; its rows go with `sweep`.
  virtual Status forget(SubmissionId submission) = 0;
  /// Takes away some hundred rows at most of what was discarded or forgotten, in a transaction of its own.
  /// True if more is left.
  virtual Result<bool> sweep() = 0;

  /// Nothing to write: costs nothing. After an error nothing of the transaction is kept.
  virtual Status commit() = 0;
  /// Of all commits so far. Calls back on the loop, never from within, and not at all once the store is
  /// gone. After one failure all fail: nobody knows what the disk has.
  virtual void sync(std::function<void(Status)> synced) = 0;

  // ---- single rows, for the deciding thread (from the page cache)
  virtual Result<Submission> submission(SubmissionId id) = 0;
  virtual Result<std::string> objects(SubmissionId id) = 0;
  virtual Result<Task> task(TaskId id) = 0;
  virtual Result<Group> group(GroupId id) = 0;
  virtual Result<std::vector<TaskRow>> tasks_of(SubmissionId id) = 0;
  virtual Result<std::vector<GroupRow>> groups_of(SubmissionId id) = 0;

  /// Every submission with a task that has not ended (or whose end hooks are not over), oldest first.
  virtual Status load_live(const std::function<void(core::Restored)>& each) = 0;
  virtual Result<core::Restored> load(SubmissionId id) = 0;
  /// Fullnames of tasks that have not ended, of visible submissions.
  virtual Status live_names(const std::function<void(TaskId, std::string_view)>& each) = 0;
};

/// Reads for lists, over a connection of its own: a snapshot of what is committed. Use from one thread
/// at a time, not the deciding one.
class Reader {
 public:
  static Result<std::unique_ptr<Reader>> open(const std::string& path);
  virtual ~Reader() = default;
  virtual Result<Listing> list(const Filter& filter) = 0;
  virtual Result<std::vector<Attempt>> attempts(TaskId task) = 0;
  virtual Result<Submission> submission(SubmissionId id) = 0;
  virtual Result<std::vector<std::string>> environment(std::uint64_t id) = 0;
  /// Direct prerequisites and successors of a task, those of the groups it is in included.
  virtual Result<std::pair<std::vector<core::Node>, std::vector<core::Node>>> edges_of(
      TaskId task) = 0;
  /// Was this id ever a task's?
  virtual Result<bool> was_task(TaskId task) = 0;
  /// Reads all of the database: an Error of code `corrupt` if it is damaged.
  virtual Status check() = 0;
  /// Fullnames of nodes, "" for unknown ones.
  virtual Result<std::vector<std::string>> names(const std::vector<core::Node>& nodes) = 0;
};

}  // namespace cattino::store
