// A real store on a disk that the test can fill up or break.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"
#include "sys/loop.h"

namespace cattino::engine {

struct Disk {
  bool full = false;    ///< nothing can be written
  int room = -1;        ///< commits until it is full; -1: no end of them
  bool broken = false;  ///< syncs fail
};

/// While the disk is full, nothing reaches the real store, as if the transaction had been rolled back.
class FullDiskStore final : public store::Store {
 public:
  FullDiskStore(std::unique_ptr<store::Store> real, std::shared_ptr<Disk> disk, sys::Loop& loop)
      : real_(std::move(real)), disk_(std::move(disk)), loop_(loop) {}

  SubmissionId next_submission() override { return real_->next_submission(); }
  TaskId reserve_tasks(std::uint64_t count) override { return real_->reserve_tasks(count); }
  GroupId reserve_groups(std::uint64_t count) override { return real_->reserve_groups(count); }
  void skip(TaskId task, SubmissionId submission) override { real_->skip(task, submission); }
  Result<std::uint64_t> intern_environment(const std::vector<std::string>& variables) override {
    if (disk_->full) {
      return full();
    }
    return real_->intern_environment(variables);
  }
  Result<std::vector<std::string>> environment(std::uint64_t id) override {
    return real_->environment(id);
  }
  Result<std::string> fact(const std::string& name) override { return real_->fact(name); }
  Status set_fact(const std::string& name, const std::string& value) override {
    return write([&] { return real_->set_fact(name, value); });
  }
  Status stage(const store::Submission& submission, const std::string& objects) override {
    return write([&] { return real_->stage(submission, objects); });
  }
  Status stage(const store::Group& group) override {
    return write([&] { return real_->stage(group); });
  }
  Status stage(const store::Task& task) override {
    return write([&] { return real_->stage(task); });
  }
  Status stage(SubmissionId submission, const std::vector<core::Edge>& edges) override {
    return write([&] { return real_->stage(submission, edges); });
  }
  Status make_visible(SubmissionId submission, const std::string& run_dir) override {
    return write([&] { return real_->make_visible(submission, run_dir); });
  }
  Status rename_staged(TaskId task, const std::string& name, const std::string& fullname) override {
    return write([&] { return real_->rename_staged(task, name, fullname); });
  }
  Status discard(SubmissionId submission) override {
    return write([&] { return real_->discard(submission); });
  }
  Result<SubmissionId> submission_of_key(const std::string& key) override {
    return real_->submission_of_key(key);
  }
  Status put(TaskId task, const core::TaskState& state) override {
    return write([&] { return real_->put(task, state); });
  }
  Status put(GroupId group, const core::GroupState& state) override {
    return write([&] { return real_->put(group, state); });
  }
  Status put_start(const store::Attempt& attempt) override {
    return write([&] { return real_->put_start(attempt); });
  }
  Status put_pid(AttemptId attempt, std::int32_t pid) override {
    return write([&] { return real_->put_pid(attempt, pid); });
  }
  Status put_end(const store::Attempt& attempt) override {
    return write([&] { return real_->put_end(attempt); });
  }
  Status hide(TaskId task) override {
    return write([&] { return real_->hide(task); });
  }
  Result<std::vector<store::Submission>> outdated(const store::Keep& keep) override {
    return real_->outdated(keep);
  }
  Status forget(SubmissionId submission) override {
    return write([&] { return real_->forget(submission); });
  }
  Result<bool> sweep() override {
    if (disk_->full) {
      return full();
    }
    return real_->sweep();
  }
  Status commit() override {
    Status done = write([&] { return real_->commit(); });
    disk_->full = disk_->full || disk_->room == 0 || (disk_->room > 0 && --disk_->room == 0);
    return done;
  }
  void sync(std::function<void(Status)> synced) override {
    if (disk_->broken) {
      loop_.post([synced = std::move(synced)] { synced(Error{ErrorCode::unavailable, "EIO"}); });
    } else {
      real_->sync(std::move(synced));
    }
  }
  Result<store::Submission> submission(SubmissionId id) override { return real_->submission(id); }
  Result<std::string> objects(SubmissionId id) override { return real_->objects(id); }
  Result<store::Task> task(TaskId id) override { return real_->task(id); }
  Result<store::Group> group(GroupId id) override { return real_->group(id); }
  Result<std::vector<store::TaskRow>> tasks_of(SubmissionId id) override {
    return real_->tasks_of(id);
  }
  Result<std::vector<store::GroupRow>> groups_of(SubmissionId id) override {
    return real_->groups_of(id);
  }
  Status load_live(const std::function<void(core::Restored)>& each) override {
    return real_->load_live(each);
  }
  Result<core::Restored> load(SubmissionId id) override { return real_->load(id); }
  Status live_names(const std::function<void(TaskId, std::string_view)>& each) override {
    return real_->live_names(each);
  }

 private:
  static Error full() { return {ErrorCode::unavailable, "database or disk is full"}; }
  template <class Write>
  Status write(Write each) {
    return disk_->full ? Status(full()) : each();
  }

  std::unique_ptr<store::Store> real_;
  std::shared_ptr<Disk> disk_;
  sys::Loop& loop_;
};

}  // namespace cattino::engine
