// Short tasks, started ahead of time behind running ones.
#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

const Policy two_behind = without_reservations({.lines = {.length = 2, .short_ends = 0}});

/// One device, and `count` tasks that want it alone.
std::vector<TaskId> queue_up(World& world, int count) {
  std::vector<TaskId> tasks;
  for (int i = 0; i < count; ++i) {
    tasks.push_back(world.task({.request = whole(1)}));
  }
  world.submit();
  return tasks;
}

class Line : public testing::Test {
 protected:
  Line() { world_.observe(box({24000})); }

  World world_{two_behind};
};

TEST_F(Line, TheNextOnesAreStartedBehindTheOneThatRuns) {
  const std::vector<TaskId> tasks = queue_up(world_, 4);
  EXPECT_EQ(world_.effects(), (Lines{"start 1.1", "start 2.1", "start 3.1", "timer 20"}));
  EXPECT_EQ(world_.state(tasks[1]).behind, tasks[0]);
  EXPECT_EQ(world_.state(tasks[2]).behind, tasks[1]);
  EXPECT_EQ(world_.state(tasks[2]).allocation.devices, std::vector<std::uint16_t>{0});
  EXPECT_TRUE(world_.waits(tasks[3]));
}

TEST_F(Line, AnExitLetsTheNextStepUpAndTheLineGrow) {
  const std::vector<TaskId> tasks = queue_up(world_, 4);
  world_.effects();
  world_.exits(tasks[0]);
  EXPECT_EQ(world_.effects(), Lines{"start 4.1"});
  EXPECT_FALSE(world_.state(tasks[1]).behind);
  EXPECT_EQ(world_.state(tasks[3]).behind, tasks[2]);
  world_.exits(tasks[1]);
  world_.exits(tasks[2]);
  world_.exits(tasks[3]);
  EXPECT_EQ(world_.effects().back(), "ended 1");
}

TEST_F(Line, ReportsOutOfOrderComeToTheSame) {
  const std::vector<TaskId> tasks = queue_up(world_, 3);
  world_.started(tasks[1]);
  world_.exits(tasks[1]);
  EXPECT_EQ(world_.state(tasks[2]).behind, tasks[0]);
  EXPECT_TRUE(world_.runs(tasks[0]));
  world_.exits(tasks[0]);
  EXPECT_FALSE(world_.state(tasks[2]).behind);
}

TEST_F(Line, IsMadeOnlyAfterShortRuns) {
  World world{without_reservations({.lines = {.length = 2, .short_ends = 2}})};
  world.observe(box({24000}));
  const std::vector<TaskId> tasks = queue_up(world, 8);
  EXPECT_EQ(world.effects(), Lines{"start 1.1"});
  world.exits(tasks[0]);
  EXPECT_EQ(world.effects(), Lines{"start 2.1"});
  world.exits(tasks[1]);
  EXPECT_EQ(world.effects(), (Lines{"start 3.1", "start 4.1", "start 5.1", "timer 20"}));
  world.now = world.now + Duration::milliseconds(11);
  world.exits(tasks[2]);
  EXPECT_EQ(world.effects(), Lines{}) << "a long run: those in the line go, no more join";
  world.exits(tasks[3]);
  world.exits(tasks[4]);
  EXPECT_TRUE(world.runs(tasks[5]));
}

TEST_F(Line, IsRecalledWhenTheFrontRunsForTooLong) {
  const std::vector<TaskId> tasks = queue_up(world_, 3);
  world_.effects();
  world_.pass(Duration::milliseconds(20));
  EXPECT_EQ(world_.effects(), (Lines{"recall 2.1", "recall 3.1"}));
  world_.recalled(tasks[1]);
  EXPECT_TRUE(world_.waits(tasks[1]));
  EXPECT_EQ(world_.state(tasks[1]).attempt, 0U);
  EXPECT_EQ(world_.state(tasks[2]).behind, tasks[0]);
  world_.recalled(tasks[2]);
  EXPECT_EQ(world_.effects(), Lines{});
  world_.exits(tasks[0]);
  EXPECT_EQ(world_.effects(), (Lines{"start 2.1", "start 3.1", "timer 20"}));
}

TEST_F(Line, ARecallThatComesTooLateChangesNothing) {
  const std::vector<TaskId> tasks = queue_up(world_, 2);
  world_.pass(Duration::milliseconds(20));
  world_.exits(tasks[0]);
  EXPECT_TRUE(world_.runs(tasks[1]));
  EXPECT_FALSE(world_.state(tasks[1]).behind);
  world_.started(tasks[1]);
  world_.exits(tasks[1]);
  EXPECT_EQ(world_.effects().back(), "ended 1");
}

TEST_F(Line, IsRecalledForAReadyTaskOfAnotherShape) {
  const std::vector<TaskId> tasks = queue_up(world_, 2);
  world_.effects();
  const TaskId other = world_.task({.request = memory(1000), .priority = 9});
  world_.submit();
  EXPECT_EQ(world_.effects(), (Lines{"recall 2.1", "timer 0"}));
  world_.recalled(tasks[1]);
  world_.exits(tasks[0]);
  EXPECT_TRUE(world_.runs(other));
  EXPECT_TRUE(world_.waits(tasks[1]));
}

TEST_F(Line, IsRecalledByAPauseAndByAChangeOfTheDevices) {
  const std::vector<TaskId> tasks = queue_up(world_, 2);
  world_.effects();
  world_.observe(box({24000}));
  EXPECT_EQ(world_.effects(), Lines{}) << "nothing has changed";
  world_.step(Paused{true});
  EXPECT_EQ(world_.effects(), (Lines{"recall 2.1", "timer 0"}));
  world_.recalled(tasks[1]);
  world_.step(Paused{false});
  world_.task({.request = whole(1)});
  world_.submit();
  world_.exits(tasks[0]);
  EXPECT_EQ(world_.effects(), (Lines{"start 2.1", "start 3.1", "timer 20"}));
  Host unwell = box({24000});
  unwell.devices[0].health = DeviceHealth::lost;
  world_.observe(unwell);
  EXPECT_EQ(world_.effects(), (Lines{"recall 3.1", "timer 0"}));
}

TEST_F(Line, WhoIsStoppedInItLeavesAndTheOthersMoveUp) {
  const std::vector<TaskId> tasks = queue_up(world_, 3);
  world_.effects();
  world_.ask(Verb::cancel, {tasks[1]});
  EXPECT_EQ(world_.effects(), Lines{"stop 2.1"});
  world_.exits(tasks[1], ExitStatus::of_signal(15));
  EXPECT_EQ(world_.status(tasks[1]), TaskStatus::cancelled);
  EXPECT_EQ(world_.state(tasks[2]).behind, tasks[0]);
}

TEST_F(Line, TakesOnlyProcessesWithoutHooks) {
  world_.task({.request = whole(1)});
  world_.task({.request = whole(1), .command = false});
  world_.submit();
  EXPECT_EQ(world_.effects(), Lines{"start 1.1"});
}

TEST_F(Line, HasNoFunctionInFront) {
  world_.task({.request = whole(1), .command = false});
  world_.task({.request = whole(1)});
  world_.submit();
  EXPECT_EQ(world_.effects(), Lines{"start 1.1"});
}

TEST_F(Line, NobodyJoinsBehindOneThatIsStopped) {
  const std::vector<TaskId> tasks = queue_up(world_, 2);
  world_.ask(Verb::cancel, {tasks[1]});
  queue_up(world_, 1);
  world_.effects();
  world_.exits(tasks[0]);
  EXPECT_EQ(world_.effects(), Lines{"timer 0"});
}

TEST_F(Line, IsAskedForAgainFromTheFront) {
  const TaskId late = world_.task({.request = whole(1)});
  const TaskId early = world_.task({.request = whole(1), .priority = 1});
  world_.submit();
  const Actions again = world_.scheduler.outstanding();
  ASSERT_EQ(again.size(), 3U);
  EXPECT_EQ(std::get<StartAttempt>(again[0]).attempt.task, early);
  EXPECT_EQ(std::get<StartAttempt>(again[1]).attempt.task, late);
}

TEST_F(Line, StandsAgainAfterARestart) {
  Submitted work;
  work.id = {1};
  Restored stored;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    TaskSpec spec;
    spec.id = {id};
    spec.request = whole(1);
    spec.command = true;
    work.tasks.push_back(spec);
  }
  stored.work = work;
  World before{two_behind};
  before.observe(box({24000}));
  before.step(work);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    stored.tasks.push_back(before.state({id}));
  }
  world_.now = before.now;
  world_.step(stored);
  EXPECT_EQ(world_.scheduler.outstanding().size(), 4U) << "three starts and the timer";
  world_.pass(Duration::milliseconds(20));
  EXPECT_EQ(world_.effects(), (Lines{"recall 2.1", "recall 3.1"}));
}

}  // namespace
}  // namespace cattino::core
