// What this room's tests share: a private directory, a loop, records in one line.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "store/store.h"
#include "sys/loop.h"

namespace cattino::store {

/// A store in a directory of its own.
class StoreTest : public ::testing::Test {
 public:
  StoreTest(const StoreTest&) = delete;
  StoreTest& operator=(const StoreTest&) = delete;
  ~StoreTest() override {
    reader_.reset();
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

 protected:
  StoreTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "store-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/state.db";
  }

  /// Opens the store, closing it before if it was open.
  Store& open() {
    store_.reset();
    auto opened = Store::open(path_, loop_);
    EXPECT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
    return *store_;
  }

  /// As after kill -9: the files as they are now, opened from another directory.
  Store& open_after_crash() {
    const std::string copy = fmt::format("{}/crash{}.db", directory_, ++crashes_);
    for (const char* end : {"", "-wal"}) {
      if (std::filesystem::exists(path_ + end)) {
        std::filesystem::copy_file(path_ + end, copy + end);
      }
    }
    path_ = copy;
    return open();
  }

  Reader& reader() {
    auto opened = Reader::open(path_);
    EXPECT_TRUE(opened) << opened.error().message;
    reader_ = std::move(*opened);
    return *reader_;
  }

  /// Ids and consecutive tasks with these fullnames, staged.
  Submission stage(const std::vector<std::string>& fullnames, const std::string& key = "") {
    Submission submission;
    submission.id = store_->next_submission();
    submission.created = Time{1000};
    submission.key = key;
    submission.first_task = store_->reserve_tasks(fullnames.size());
    submission.task_count = fullnames.size();
    EXPECT_TRUE(store_->stage(submission, ""));
    for (std::size_t i = 0; i < fullnames.size(); ++i) {
      EXPECT_TRUE(store_->stage(task_of(submission, i, fullnames[i])));
    }
    return submission;
  }

  Submission submit(const std::vector<std::string>& fullnames, const std::string& key = "") {
    Submission submission = stage(fullnames, key);
    EXPECT_TRUE(store_->make_visible(submission.id, "/run"));
    EXPECT_TRUE(store_->commit());
    return submission;
  }

  static Task task_of(
      const Submission& submission, std::uint64_t index, const std::string& fullname) {
    Task task;
    task.spec.id = TaskId{submission.first_task.value + index};
    task.spec.created = submission.created;
    task.submission = submission.id;
    task.name = fullname.substr(fullname.rfind('/') + 1);
    task.fullname = fullname;
    task.program.words = {"true"};
    return task;
  }

  static TaskId nth(const Submission& submission, std::uint64_t index) {
    return TaskId{submission.first_task.value + index};
  }

  static core::TaskState ended(core::TaskStatus status, std::int64_t at_us) {
    core::TaskState state;
    state.status = status;
    state.attempt = 1;
    state.ended = Time{at_us};
    return state;
  }

  void end(TaskId task, std::int64_t at_us) {
    EXPECT_TRUE(store_->put(task, ended(core::TaskStatus::done, at_us)));
    EXPECT_TRUE(store_->commit());
  }

  std::vector<std::string> listed(const Filter& filter) {
    auto listing = reader().list(filter);
    EXPECT_TRUE(listing) << listing.error().message;
    std::vector<std::string> names;
    for (const TaskRow& row : listing->tasks) {
      names.push_back(row.task.fullname);
    }
    return names;
  }

  std::vector<std::uint64_t> live() {
    std::vector<std::uint64_t> ids;
    EXPECT_TRUE(store_->load_live(
        [&ids](const core::Restored& restored) { ids.push_back(restored.work.id.value); }));
    return ids;
  }

  std::string directory_;
  std::string path_;
  sys::Loop loop_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Reader> reader_;
  int crashes_ = 0;
};

using Names = std::vector<std::string>;

}  // namespace cattino::store
