// Lists: which tasks a filter means, and what is said of each.
#include <gtest/gtest.h>

#include "store/selection.h"
#include "store/test_support.h"

namespace cattino::store {
namespace {

using core::TaskStatus;

class ListTest : public StoreTest {
 protected:
  /// 1 old (over at 100) · 2 sweep/a · 3 sweep/b (over at 200) · 4 sweep/in/c · 5 sweeper · 6 old
  void SetUp() override {
    open();
    first_ = submit({"old"});
    second_ = submit({"sweep/a", "sweep/b", "sweep/in/c", "sweeper"});
    third_ = submit({"old"});
    end(TaskId{1}, 100);
    end(TaskId{3}, 200);
  }

  std::vector<std::uint64_t> ids(const Filter& filter) {
    auto listing = reader().list(filter);
    EXPECT_TRUE(listing) << listing.error().message;
    std::vector<std::uint64_t> found;
    for (const TaskRow& row : listing->tasks) {
      found.push_back(row.task.spec.id.value);
    }
    return found;
  }

  Submission first_;
  Submission second_;
  Submission third_;
};

using Ids = std::vector<std::uint64_t>;

TEST_F(ListTest, AnEmptyFilterIsEverythingInTheOrderOfIds) {
  EXPECT_EQ(ids({}), (Ids{1, 2, 3, 4, 5, 6}));
}

TEST_F(ListTest, AFullnameIsEveryTaskThatHasIt) {
  EXPECT_EQ(ids({.fullnames = {"old"}}), (Ids{1, 6}));
}

TEST_F(ListTest, AGroupIsAllThatIsBelowItAndNothingBeside) {
  EXPECT_EQ(ids({.fullnames = {"sweep"}}), (Ids{2, 3, 4}));
  EXPECT_EQ(ids({.fullnames = {"sweep/in", "sweeper"}}), (Ids{4, 5}));
  EXPECT_EQ(ids({.fullnames = {"swee"}}), Ids{});
}

TEST_F(ListTest, IdsThatDoNotExistAreLeftOut) {
  EXPECT_EQ(ids({.ids = {TaskId{5}, TaskId{2}, TaskId{2}, TaskId{77}}}), (Ids{2, 5}));
}

TEST_F(ListTest, AllConditionsMustHold) {
  EXPECT_EQ(ids({.ids = {TaskId{1}, TaskId{2}}, .fullnames = {"sweep"}}), (Ids{2}));
  EXPECT_EQ(ids({.fullnames = {"old"}, .statuses = {TaskStatus::done}}), (Ids{1}));
  EXPECT_EQ(ids({.fullnames = {"old"}, .submissions = {third_.id}}), (Ids{6}));
  EXPECT_EQ(ids({.match = "[bc]$", .statuses = {TaskStatus::waiting}}), (Ids{4}));
}

TEST_F(ListTest, AStatusIsWhatIsInTheStateOfATask) {
  EXPECT_EQ(ids({.statuses = {TaskStatus::waiting}}), (Ids{2, 4, 5, 6}));
  EXPECT_EQ(ids({.statuses = {TaskStatus::done, TaskStatus::failed}}), (Ids{1, 3}));
}

TEST_F(ListTest, WhatEndedBeforeIsLeftOut) {
  EXPECT_EQ(ids({.ended_after = Time{150}}), (Ids{2, 3, 4, 5, 6}));
  EXPECT_EQ(ids({.ended_after = Time{201}}), (Ids{2, 4, 5, 6}));
  EXPECT_EQ(ids({.ended_after = Time{100}}), (Ids{1, 2, 3, 4, 5, 6}));
}

TEST_F(ListTest, ARegularExpressionIsSearchedInFullnames) {
  EXPECT_EQ(ids({.match = "^sweep/.$"}), (Ids{2, 3}));
  EXPECT_EQ(ids({.match = "eep"}), (Ids{2, 3, 4, 5}));
}

TEST_F(ListTest, ABadRegularExpressionIsRefusedInItsOwnWords) {
  const auto listing = reader().list({.match = "a("});
  ASSERT_FALSE(listing);
  EXPECT_EQ(listing.error().code, ErrorCode::invalid);
  EXPECT_EQ(listing.error().field, "match");
  EXPECT_NE(listing.error().message.find("missing )"), std::string::npos)
      << listing.error().message;
}

TEST_F(ListTest, ALimitSaysTrulyHowManyMoreThereAre) {
  Filter filter;
  filter.limit = 2;
  auto listing = reader().list(filter);
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->tasks.size(), 2U);
  EXPECT_EQ(listing->truncated, 4U);
  filter.match = "sweep";
  EXPECT_EQ(reader().list(filter)->truncated, 2U);
}

TEST_F(ListTest, HiddenTasksAreLeftOutUnlessAskedFor) {
  ASSERT_TRUE(store_->hide(TaskId{3}));
  ASSERT_TRUE(store_->commit());
  EXPECT_EQ(ids({.fullnames = {"sweep"}}), (Ids{2, 4}));
  Filter filter{.fullnames = {"sweep"}};
  filter.hidden = true;
  auto listing = reader().list(filter);
  ASSERT_TRUE(listing);
  ASSERT_EQ(listing->tasks.size(), 3U);
  EXPECT_TRUE(listing->tasks[1].hidden);
  EXPECT_FALSE(listing->tasks[2].hidden);
}

TEST_F(ListTest, ARowHasItsStateAndTheProcessOfItsLastAttempt) {
  core::TaskState state;
  state.status = TaskStatus::running;
  state.attempt = 2;
  ASSERT_TRUE(store_->put(TaskId{2}, state));
  ASSERT_TRUE(store_->put_start({.id = {TaskId{2}, 1}, .pid = 100}));
  ASSERT_TRUE(store_->put_start({.id = {TaskId{2}, 2}, .pid = 200}));
  ASSERT_TRUE(store_->commit());
  auto listing = reader().list({.ids = {TaskId{2}}});
  ASSERT_TRUE(listing);
  ASSERT_EQ(listing->tasks.size(), 1U);
  EXPECT_EQ(listing->tasks[0].pid, 200);
  EXPECT_EQ(listing->tasks[0].state.status, TaskStatus::running);
  EXPECT_EQ(listing->tasks[0].task.program.words, Names{"true"});
}

TEST_F(ListTest, EdgesOfATaskAreItsOwnAndThoseOfItsGroups) {
  Submission submission;
  submission.id = store_->next_submission();
  submission.first_task = store_->reserve_tasks(3);
  submission.task_count = 3;
  submission.first_group = store_->reserve_groups(1);
  submission.group_count = 1;
  ASSERT_TRUE(store_->stage(submission, ""));
  Group group;
  group.spec.id = submission.first_group;
  group.submission = submission.id;
  group.name = group.fullname = "g";
  ASSERT_TRUE(store_->stage(group));
  ASSERT_TRUE(store_->stage(task_of(submission, 0, "before")));
  Task inside = task_of(submission, 1, "g/in");
  inside.spec.group = submission.first_group;
  ASSERT_TRUE(store_->stage(inside));
  ASSERT_TRUE(store_->stage(task_of(submission, 2, "after")));
  const auto before = core::Node::of(nth(submission, 0));
  const auto in = core::Node::of(nth(submission, 1));
  const auto after = core::Node::of(nth(submission, 2));
  const auto all = core::Node::of(submission.first_group);
  ASSERT_TRUE(store_->stage(submission.id, {{before, all}, {in, after}}));
  ASSERT_TRUE(store_->make_visible(submission.id, ""));
  ASSERT_TRUE(store_->commit());

  auto edges = reader().edges_of(nth(submission, 1));
  ASSERT_TRUE(edges);
  EXPECT_EQ(edges->first, std::vector<core::Node>{before});
  EXPECT_EQ(edges->second, std::vector<core::Node>{after});
  EXPECT_EQ(reader().edges_of(nth(submission, 0))->second, std::vector<core::Node>{all});
  EXPECT_EQ(*reader().names({after, all, core::Node{}}), (Names{"after", "g", ""}));
  auto listing = reader().list({.fullnames = {"after"}});
  ASSERT_EQ(listing->groups.size(), 1U);
  EXPECT_EQ(listing->groups[0].group.fullname, "g");
}

TEST_F(ListTest, AReaderSeesWhatIsCommittedAfterItWasOpened) {
  Reader& reader = this->reader();
  ASSERT_TRUE(reader.list({}));
  submit({"new"});
  EXPECT_EQ(reader.list({.fullnames = {"new"}})->tasks.size(), 1U);
}

TEST(Ranges, AreMergedIntersectedAndSubtracted) {
  const auto text = [](const Ranges& ranges) {
    std::string all;
    for (const Range& range : ranges) {
      all += fmt::format("[{},{})", range.first, range.end);
    }
    return all;
  };
  const Ranges left = normalized({{5, 9}, {1, 3}, {3, 4}, {7, 12}, {20, 20}});
  EXPECT_EQ(text(left), "[1,4)[5,12)");
  EXPECT_EQ(text(intersection(left, {{0, 2}, {3, 6}, {11, 30}})), "[1,2)[3,4)[5,6)[11,12)");
  EXPECT_EQ(text(difference(left, {{0, 2}, {6, 7}, {8, 9}, {11, 30}})), "[2,4)[5,6)[7,8)[9,11)");
  EXPECT_EQ(text(difference(left, {})), "[1,4)[5,12)");
}

}  // namespace
}  // namespace cattino::store
