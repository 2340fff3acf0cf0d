// The Store over SQLite. One transaction at a time: the first write after a commit begins it, the first
// failed one dooms it. Four sources hold its functions: transactions and facts (sqlite_store.cc), new
// work (staging.cc), what changes and what is loaded (changes.cc), what goes (history.cc).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/durability.h"
#include "store/liveness.h"
#include "store/lookup.h"
#include "store/pack.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace cattino::store {

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<Connection> connection, sys::Loop& loop);
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  /// After the schema is known to be right: counters, and what was never made visible.
  Status start();

  SubmissionId next_submission() override;
  TaskId reserve_tasks(std::uint64_t count) override;
  GroupId reserve_groups(std::uint64_t count) override;
  void skip(TaskId task, SubmissionId submission) override;
  Result<std::uint64_t> intern_environment(const std::vector<std::string>& variables) override;
  Result<std::vector<std::string>> environment(std::uint64_t id) override;
  Result<std::string> fact(const std::string& name) override;
  Status set_fact(const std::string& name, const std::string& value) override;

  Status stage(const Submission& submission, const std::string& objects) override;
  Status stage(const Group& group) override;
  Status stage(const Task& task) override;
  Status stage(SubmissionId submission, const std::vector<core::Edge>& edges) override;
  Status make_visible(SubmissionId id, const std::string& run_dir) override;
  Status rename_staged(TaskId task, const std::string& name, const std::string& fullname) override;
  Status discard(SubmissionId id) override;
  Result<SubmissionId> submission_of_key(const std::string& key) override;

  Status put(TaskId task, const core::TaskState& state) override;
  Status put(GroupId group, const core::GroupState& state) override;
  Status put_start(const Attempt& attempt) override;
  Status put_pid(AttemptId attempt, std::int32_t pid) override;
  Status put_end(const Attempt& attempt) override;
  Status hide(TaskId task) override;

  Result<std::vector<Submission>> outdated(const Keep& keep) override;
  Status forget(SubmissionId id) override;
  Result<bool> sweep() override;

  Status commit() override;
  void sync(std::function<void(Status)> synced) override;

  Result<Submission> submission(SubmissionId id) override;
  Result<std::string> objects(SubmissionId id) override;
  Result<Task> task(TaskId id) override;
  Result<Group> group(GroupId id) override;
  Result<std::vector<TaskRow>> tasks_of(SubmissionId id) override;
  Result<std::vector<GroupRow>> groups_of(SubmissionId id) override;

  Status load_live(const std::function<void(core::Restored)>& each) override;
  Result<core::Restored> load(SubmissionId id) override;
  Status live_names(const std::function<void(TaskId, std::string_view)>& each) override;

 private:
  /// A submission whose pieces are still coming.
  struct Staging {
    Submission submission;
    std::uint64_t tasks = 0;
    std::uint64_t groups = 0;
    std::uint64_t touched_in = 0;  ///< transaction of its last piece
    bool is_whole = true;          ///< no piece was rolled back
  };

  /// A discarded or forgotten one whose rows are still there.
  struct Discarded {
    Submission submission;
    std::uint64_t next_task = submission.first_task.value;
  };

  Status write(Statement& statement);
  Status begin();
  Status note_boot();
  Status write_marks();
  Status write_liveness();
  Status roll_back();

  Staging* staging_of(SubmissionId id);
  Status find_discarded();
  Status sweep_portion();
  Status sweep_rest(const Submission& submission);
  /// Runs a deletion whose last parameter is how many rows it may take. True if there may be more.
  template <class... Values>
  Result<bool> remove_some(const char* sql, std::uint64_t most, const Values&... values);

  Result<Liveness::Entry*> entry_of(TaskId task);
  Result<Liveness::Entry*> entry_of(SubmissionId id);
  Status live_names_of(
      const Submission& submission, const std::function<void(TaskId, std::string_view)>& each);
  Result<std::vector<Submission>> submissions_of(const std::vector<SubmissionId>& ids);
  Result<std::vector<Submission>> submissions_of(Statement& query);
  Result<std::vector<Submission>> live_submissions();
  [[nodiscard]] bool are_handed_out(const Submission& submission) const;
  Result<core::Restored> restore(const Submission& submission);
  Status restore_tasks(const Submission& submission, core::Restored& restored);
  Status restore_states(const Submission& submission, core::Restored& restored);
  void track(const Submission& submission, bool stored, const core::Restored& restored);

  std::unique_ptr<Connection> connection_;
  Lookup lookup_;
  Liveness liveness_;
  Durability durability_;
  Packer packer_;
  Packer second_packer_;

  std::uint64_t transaction_ = 0;
  std::optional<Error> failed_;  ///< the first failure of the transaction
  std::uint64_t last_submission_ = 0;
  std::uint64_t last_task_ = 0;
  std::uint64_t last_group_ = 0;
  std::uint64_t last_environment_ = 0;
  std::uint64_t ended_tasks_ = 0;      ///< of visible submissions that have ended
  std::uint64_t committed_ended_ = 0;  ///< … as of the last commit
  bool marks_moved_ = false;

  std::unordered_map<std::uint64_t, Staging> staging_;
  Staging* last_staging_ = nullptr;
  std::vector<Discarded> discarded_;

  Statement begin_;
  Statement commit_;
  Statement put_marks_;
  Statement put_ended_;
  Statement find_environment_;
  Statement add_environment_;
  Statement get_fact_;
  Statement put_fact_;
  Statement add_submission_;
  Statement add_objects_;
  Statement add_group_;
  Statement add_task_;
  Statement add_edges_;
  Statement show_submission_;
  Statement discard_submission_;
  Statement rename_task_;
  Statement find_key_;
  Statement get_objects_;
  Statement next_unswept_;
  Statement put_state_;
  Statement put_group_;
  Statement put_start_;
  Statement put_pid_;
  Statement put_end_;
  Statement hide_;
  Statement live_;
  Statement specs_;
  Statement states_;
  Statement fullnames_;
};

}  // namespace cattino::store
