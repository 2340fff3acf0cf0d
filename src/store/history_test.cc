// What leaves the store: discarded and forgotten submissions, their rows a few at a time.
#include <gtest/gtest.h>

#include "store/limits.h"
#include "store/sqlite.h"
#include "store/test_support.h"

namespace cattino::store {
namespace {

/// Tasks of these tests are created at 1000.
constexpr Time after(std::int64_t us) {
  return Time{1000 + us};
}

class HistoryTest : public StoreTest {
 protected:
  /// A submission whose tasks all ended so long after they were created.
  Submission ended_at(std::int64_t after_us, const Names& names) {
    Submission submission = submit(names);
    for (std::uint64_t i = 0; i < submission.task_count; ++i) {
      end(nth(submission, i), after(after_us).us);
    }
    return submission;
  }

  std::vector<std::uint64_t> outdated(const Keep& keep) {
    auto found = store_->outdated(keep);
    EXPECT_TRUE(found) << found.error().message;
    std::vector<std::uint64_t> ids;
    for (const Submission& submission : *found) {
      ids.push_back(submission.id.value);
    }
    return ids;
  }

  void forget(const Submission& submission) {
    EXPECT_TRUE(store_->forget(submission.id));
    EXPECT_TRUE(store_->commit());
  }

  /// Sweeps to the end; returns how often that was.
  int sweep() {
    int count = 0;
    while (true) {
      const auto more = store_->sweep();
      EXPECT_TRUE(more) << more.error().message;
      if (!more || !*more) {
        return count;
      }
      ++count;
    }
  }

  std::int64_t count(const char* sql) {
    auto connection = Connection::open(path_, Connection::Mode::read);
    EXPECT_TRUE(connection);
    return *(*connection)->number(sql);
  }
};

constexpr Keep any_number{after(100), 1'000'000, after(1'000'000)};

TEST_F(HistoryTest, WhatEndedLongAgoIsOutdatedOldestFirst) {
  open();
  const Submission late = ended_at(200, {"late"});
  const Submission middle = ended_at(60, {"middle"});
  const Submission early = ended_at(50, {"early"});
  submit({"lives"});
  EXPECT_EQ(outdated(any_number), (std::vector<std::uint64_t>{early.id.value, middle.id.value}));
  EXPECT_EQ(outdated({Time{}, 1'000'000, {}}), std::vector<std::uint64_t>{});
}

TEST_F(HistoryTest, WhatIsTooManyIsOutdatedOldestFirstButNotWhatEndedLately) {
  open();
  const Submission first = ended_at(10, {"a", "b"});
  const Submission second = ended_at(20, {"c", "d"});
  ended_at(30, {"e"});
  EXPECT_EQ(outdated({Time{}, 5, after(1000)}), std::vector<std::uint64_t>{});
  EXPECT_EQ(outdated({Time{}, 4, after(1000)}), std::vector<std::uint64_t>{first.id.value});
  EXPECT_EQ(
      outdated({Time{}, 1, after(1000)}),
      (std::vector<std::uint64_t>{first.id.value, second.id.value}));
  EXPECT_EQ(outdated({Time{}, 0, after(15)}), std::vector<std::uint64_t>{first.id.value});
}

TEST_F(HistoryTest, TheNumberOfEndedTasksIsKnownAfterARestartAndAfterAResume) {
  open();
  const Submission first = ended_at(10, {"a", "b"});
  ended_at(20, {"c"});
  open_after_crash();
  EXPECT_EQ(outdated({Time{}, 2, after(1000)}), std::vector<std::uint64_t>{first.id.value});
  ASSERT_TRUE(store_->put(nth(first, 1), core::TaskState{}));
  ASSERT_TRUE(store_->commit());
  EXPECT_EQ(outdated({Time{}, 1, after(1000)}), std::vector<std::uint64_t>{});
  end(nth(first, 1), after(30).us);
  EXPECT_EQ(outdated({Time{}, 3, after(1000)}), std::vector<std::uint64_t>{});
  forget(first);
  EXPECT_EQ(outdated({Time{}, 1, after(1000)}), std::vector<std::uint64_t>{});
}

TEST_F(HistoryTest, AForgottenSubmissionIsNotSeenFromThenOn) {
  open();
  const Submission gone = ended_at(10, {"g/a", "g/b"});
  ended_at(10, {"kept"});
  forget(gone);
  EXPECT_EQ(listed({}), Names{"kept"});
  EXPECT_EQ(listed({.ids = {nth(gone, 0)}, .hidden = true}), Names{});
  EXPECT_EQ(listed({.fullnames = {"g"}}), Names{});
  EXPECT_FALSE(reader().submission(gone.id));
  EXPECT_TRUE(*reader().was_task(nth(gone, 0)));
  EXPECT_FALSE(*reader().was_task(TaskId{1000}));
  sweep();
  EXPECT_EQ(listed({}), Names{"kept"});
  EXPECT_EQ(listed({.ids = {nth(gone, 0)}, .hidden = true}), Names{});
}

TEST_F(HistoryTest, NothingOfAForgottenSubmissionIsLeftAndNothingElseGoes) {
  open();
  const Submission kept = submit({"kept"});
  Submission gone;
  gone.id = store_->next_submission();
  gone.created = Time{5};
  gone.environment = *store_->intern_environment({"A=1"});
  gone.first_task = store_->reserve_tasks(2);
  gone.task_count = 2;
  gone.first_group = store_->reserve_groups(1);
  gone.group_count = 1;
  ASSERT_TRUE(store_->stage(gone, "pickle"));
  Group group;
  group.spec.id = gone.first_group;
  group.submission = gone.id;
  ASSERT_TRUE(store_->stage(group));
  ASSERT_TRUE(store_->stage(task_of(gone, 0, "a")));
  ASSERT_TRUE(store_->stage(task_of(gone, 1, "b")));
  ASSERT_TRUE(store_->stage(
      gone.id, {{core::Node::of(nth(gone, 0)), core::Node::of(nth(gone, 1)), core::When::ok}}));
  ASSERT_TRUE(store_->make_visible(gone.id, "/run"));
  for (const Submission* each : {&kept, &std::as_const(gone)}) {
    ASSERT_TRUE(store_->put_start({.id = {each->first_task, 1}, .started = Time{6}}));
    ASSERT_TRUE(store_->hide(each->first_task));
  }
  ASSERT_TRUE(store_->commit());
  end(nth(gone, 0), 10);
  end(nth(gone, 1), 10);
  end(nth(kept, 0), 10);
  forget(gone);
  sweep();
  for (const char* table : {"submissions", "tasks", "states", "attempts", "hidden"}) {
    EXPECT_EQ(count(fmt::format("SELECT count(*) FROM {}", table).c_str()), 1) << table;
  }
  for (const char* table : {"groups", "edges", "objects", "environments"}) {
    EXPECT_EQ(count(fmt::format("SELECT count(*) FROM {}", table).c_str()), 0) << table;
  }
}

TEST_F(HistoryTest, AnEnvironmentStaysAsLongAsSomebodyUsesIt) {
  open();
  std::vector<Submission> both;
  for (const char* name : {"a", "b"}) {
    Submission submission;
    submission.id = store_->next_submission();
    submission.environment = *store_->intern_environment({"A=1"});
    submission.first_task = store_->reserve_tasks(1);
    submission.task_count = 1;
    ASSERT_TRUE(store_->stage(submission, ""));
    ASSERT_TRUE(store_->stage(task_of(submission, 0, name)));
    ASSERT_TRUE(store_->make_visible(submission.id, ""));
    ASSERT_TRUE(store_->commit());
    end(nth(submission, 0), 10);
    both.push_back(submission);
  }
  forget(both[0]);
  sweep();
  EXPECT_EQ(*store_->environment(both[1].environment), Names{"A=1"});
  forget(both[1]);
  sweep();
  EXPECT_FALSE(store_->environment(both[1].environment));
  Store& again = open();
  EXPECT_NE(*again.intern_environment({"B=2"}), both[1].environment) << "no id is used twice";
}

TEST_F(HistoryTest, ALargeOneGoesALittleAtATimeAlsoAfterACrash) {
  open();
  const std::uint64_t size = sweep_rows * 4 + 1;
  const Submission submission = stage(Names(size, "same"));
  ASSERT_TRUE(store_->commit());
  ASSERT_TRUE(store_->discard(submission.id));
  ASSERT_TRUE(store_->commit());
  EXPECT_EQ(listed({.fullnames = {"same"}}), Names{});
  ASSERT_TRUE(*store_->sweep());
  EXPECT_FALSE(store_->task(nth(submission, 0)));
  EXPECT_TRUE(store_->task(nth(submission, sweep_rows)));
  open_after_crash();
  EXPECT_EQ(sweep(), 3);
  EXPECT_EQ(count("SELECT count(*) FROM tasks"), 0);
  EXPECT_FALSE(store_->submission(submission.id));
}

TEST_F(HistoryTest, ThousandsOfAttemptsOfATaskGoALittleAtATime) {
  open();
  const Submission submission = submit({"again"});
  for (std::uint32_t number = 1; number <= 3 * sweep_rows + 1; ++number) {
    ASSERT_TRUE(store_->put_start({.id = {nth(submission, 0), number}, .started = Time{1}}));
  }
  end(nth(submission, 0), 10);
  forget(submission);
  EXPECT_EQ(sweep(), 3);
  EXPECT_EQ(count("SELECT count(*) FROM attempts"), 0);
}

TEST_F(HistoryTest, WhatHasNotEndedIsNotForgotten) {
  open();
  const Submission submission = submit({"a"});
  const Status done = store_->forget(submission.id);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::conflict);
}

TEST_F(HistoryTest, ASweepLeavesWhatOthersBeganToThem) {
  open();
  const Submission gone = ended_at(10, {"a"});
  forget(gone);
  ASSERT_TRUE(store_->set_fact("a", "pending"));
  EXPECT_TRUE(*store_->sweep());
  EXPECT_EQ(*open_after_crash().fact("a"), "");
}

TEST_F(HistoryTest, SkippedIdsAreNotHandedOut) {
  open().skip(TaskId{50}, SubmissionId{7});
  submit({"a"});
  Store& again = open_after_crash();
  EXPECT_EQ(again.next_submission(), SubmissionId{9});
  EXPECT_EQ(again.reserve_tasks(1), TaskId{52});
  again.skip(TaskId{3}, SubmissionId{3});
  EXPECT_EQ(again.reserve_tasks(1), TaskId{53});
}

}  // namespace
}  // namespace cattino::store
