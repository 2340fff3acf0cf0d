// Hooks of tasks and groups: their order, their failures, rounds that begin again.
#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

constexpr Hooks both{true, true};

struct Rounds : ::testing::Test {
  World world;
  Rounds() { world.observe(box({24000, 24000})); }
};

TEST_F(Rounds, GoFromTheOutermostGroupInwardsAndBackOutwards) {
  const GroupId outer = world.group({}, both);
  const GroupId inner = world.group(outer, both);
  const TaskId task = world.task({.request = whole(1), .group = inner, .hooks = both});
  world.submit();
  EXPECT_EQ(world.effects(), Lines{"on_start group 1"});
  EXPECT_EQ(world.state(task).phase, TaskPhase::group_hooks);
  EXPECT_EQ(world.state(task).allocation.devices.size(), 1U) << "held before the first hook";
  world.hook_ends(outer, HookKind::on_start);
  EXPECT_EQ(world.effects(), Lines{"on_start group 2"});
  world.hook_ends(inner, HookKind::on_start);
  EXPECT_EQ(world.effects(), Lines{"on_start 1.1"});
  world.hook_ends(task, HookKind::on_start);
  EXPECT_EQ(world.effects(), Lines{"start 1.1"});
  world.exits(task);
  EXPECT_EQ(world.effects(), Lines{"on_end 1.1"});
  EXPECT_TRUE(world.state(task).allocation.devices.empty()) << "free before on_end";
  world.hook_ends(task, HookKind::on_end);
  EXPECT_EQ(world.effects(), Lines{"on_end group 2"});
  EXPECT_EQ(world.status(task), TaskStatus::done);
  world.hook_ends(inner, HookKind::on_end);
  EXPECT_EQ(world.effects(), Lines{"on_end group 1"});
  world.hook_ends(outer, HookKind::on_end);
  EXPECT_EQ(world.effects(), Lines{"ended 1"});
}

TEST_F(Rounds, WhatHooksLeftIsLostForTasksThatHaveBegun) {
  const TaskId task = world.task({.request = whole(1), .hooks = both});
  const TaskId plain = world.task({.request = whole(1)});
  world.submit();
  world.hook_ends(task, HookKind::on_start);
  world.step(HooksReset{plain});
  EXPECT_FALSE(world.state(plain).hooks_reset) << "it has no hooks";
  world.exits(task, ExitStatus::of_code(retry_code));
  world.hook_ends(task, HookKind::on_end);
  world.step(HooksReset{task});
  EXPECT_TRUE(world.state(task).hooks_reset) << "while it waits for its next attempt";
  world.pass(Duration::seconds(5));
  EXPECT_EQ(world.state(task).attempt, 2U);
  EXPECT_TRUE(world.state(task).hooks_reset) << "which begins without what the first one left";
}

TEST_F(Rounds, WhatHooksOfAGroupLeftIsLostForItsTasks) {
  const GroupId group = world.group({}, both);
  const TaskId task = world.task({.request = whole(1), .group = group});
  const TaskId later = world.task({.request = whole(2), .group = group});
  world.submit();
  world.hook_ends(group, HookKind::on_start);
  world.step(HooksReset{task});
  world.step(HooksReset{later});
  EXPECT_TRUE(world.state(task).hooks_reset);
  EXPECT_FALSE(world.state(later).hooks_reset) << "it has not begun";
}

struct Told : Rounds {
  struct Ending {
    RetryPolicy retry = {};
    ExitStatus exit = ExitStatus::of_code(0);
    std::optional<Verb> verb = {};
  };
  /// What on_end of a task that ends so is told.
  RunHook end_of(const Ending& ending) {
    const TaskId task =
        world.task({.request = whole(1), .hooks = {false, true}, .retry = ending.retry});
    world.task({.held = true});  // keeps the submission
    world.submit();
    if (ending.verb) {
      world.ask(*ending.verb, {task});
    }
    world.exits(task, ending.exit);
    const RunHook told = world.last_hook;
    world.hook_ends(task, HookKind::on_end);
    EXPECT_EQ(told.shown, world.status(task)) << "what it said came true";
    EXPECT_EQ(told.failed, world.status(task) == TaskStatus::failed);
    return told;
  }
};

TEST_F(Told, OnEndIsToldWhatItsTaskIsAboutToBe) {
  RetryPolicy twice;
  twice.retries = 1;
  twice.on_lost = true;
  EXPECT_FALSE(end_of({}).again);
  EXPECT_FALSE(end_of({.exit = ExitStatus::of_code(1)}).again);
  EXPECT_TRUE(end_of({.exit = ExitStatus::of_code(retry_code)}).again);
  EXPECT_TRUE(end_of({.retry = twice, .exit = ExitStatus::of_code(1)}).again);
  EXPECT_TRUE(end_of({.retry = twice, .exit = ExitStatus::of_lost()}).again);
  EXPECT_FALSE(end_of({.exit = ExitStatus::of_lost()}).again) << "it is held";
  EXPECT_FALSE(
      end_of({.retry = twice, .exit = ExitStatus::of_signal(15), .verb = Verb::kill}).again);
  EXPECT_FALSE(
      end_of({.retry = twice, .exit = ExitStatus::of_signal(15), .verb = Verb::cancel}).again);
}

TEST_F(Told, OnEndOfAGroupIsToldWhatItsTasksEndedIn) {
  const GroupId group = world.group({}, both);
  const TaskId a = world.task({.request = whole(1), .group = group});
  const TaskId b = world.task({.request = whole(1), .group = group});
  world.task({.held = true});  // keeps the submission
  world.submit();
  EXPECT_EQ(world.last_hook.shown, TaskStatus::running);
  world.hook_ends(group, HookKind::on_start);
  world.exits(a);
  world.exits(b, ExitStatus::of_code(1));
  EXPECT_EQ(world.last_hook.hook, HookKind::on_end);
  EXPECT_EQ(world.last_hook.shown, std::nullopt);
  EXPECT_TRUE(world.last_hook.failed);
  world.hook_ends(group, HookKind::on_end);
  world.ask(Verb::resume, {b});
  world.hook_ends(group, HookKind::on_start);
  world.exits(b);
  EXPECT_EQ(world.last_hook.shown, TaskStatus::done);
  EXPECT_FALSE(world.last_hook.failed);
}

TEST_F(Rounds, RunAGroupsOnStartOnceForAllWhoWaitForIt) {
  const GroupId group = world.group({}, both);
  const TaskId a = world.task({.request = whole(1), .group = group});
  const TaskId b = world.task({.request = whole(1), .group = group});
  world.submit();
  EXPECT_EQ(world.effects(), Lines{"on_start group 1"});
  world.hook_ends(group, HookKind::on_start);
  EXPECT_EQ(world.effects(), (Lines{"start 1.1", "start 2.1"}));
  world.hook_ends(group, HookKind::on_start);
  world.exits(a);
  EXPECT_EQ(world.effects(), Lines{});
  world.exits(b);
  EXPECT_EQ(world.effects(), Lines{"on_end group 1"});
}

TEST_F(Rounds, ReleaseSuccessorsAfterOnEndButDevicesBeforeIt) {
  const TaskId task = world.task({.request = whole(2), .hooks = both});
  const TaskId successor = world.task();
  const TaskId hungry = world.task({.request = whole(2)});
  world.edge(task, successor);
  world.submit();
  world.hook_ends(task, HookKind::on_start);
  world.exits(task);
  EXPECT_TRUE(world.runs(hungry));
  EXPECT_TRUE(world.waits(successor));
  world.hook_ends(task, HookKind::on_end, false);
  EXPECT_EQ(world.status(task), TaskStatus::done) << "an on_end that raises changes no status";
  EXPECT_TRUE(world.runs(successor));
}

TEST_F(Rounds, FailATaskWhoseOnStartRaisedButRunItsOnEnd) {
  const TaskId task = world.task({.request = whole(2), .hooks = both});
  const TaskId next = world.task({.request = whole(2)});
  world.submit();
  world.effects();
  world.hook_ends(task, HookKind::on_start, false);
  EXPECT_EQ(world.effects(), (Lines{"on_end 1.1", "start 2.1"}));
  world.hook_ends(task, HookKind::on_end);
  EXPECT_EQ(world.status(task), TaskStatus::failed);
  EXPECT_EQ(world.state(task).cause, Cause::hook_failed);
  EXPECT_TRUE(world.runs(next));
}

TEST_F(Rounds, FailEveryTaskThatNeededAGroupWhoseOnStartRaised) {
  const GroupId outer = world.group();
  const GroupId group = world.group(outer, {true, false});
  const GroupId inner = world.group(group);
  const TaskId a = world.task({.request = whole(2), .group = group});
  const TaskId waiting = world.task({.request = whole(2), .group = inner});
  const TaskId outside = world.task({.request = whole(2), .group = outer});
  world.submit();
  world.effects();
  world.hook_ends(group, HookKind::on_start, false);
  EXPECT_EQ(world.state(a).cause, Cause::hook_failed);
  EXPECT_EQ(world.state(waiting).cause, Cause::hook_failed);
  EXPECT_EQ(world.state(waiting).attempt, 0U);
  EXPECT_EQ(world.effects(), Lines{"start 3.1"});
  EXPECT_TRUE(world.runs(outside));
  EXPECT_EQ(world.scheduler.state(group)->phase, GroupPhase::start_failed);
  world.ask(Verb::resume, {a});
  EXPECT_TRUE(world.waits(a));
  world.exits(outside);
  EXPECT_EQ(world.effects(), Lines{"on_start group 2"}) << "a new round";
}

TEST_F(Rounds, RunOnEndOfAGroupWhoseOnStartRaised) {
  const GroupId group = world.group({}, both);
  const TaskId a = world.task({.group = group});
  world.submit();
  world.effects();
  world.hook_ends(group, HookKind::on_start, false);
  EXPECT_EQ(world.status(a), TaskStatus::failed);
  EXPECT_EQ(world.effects(), Lines{"on_end group 1"});
  world.hook_ends(group, HookKind::on_end);
  EXPECT_EQ(world.effects(), Lines{"ended 1"});
}

TEST_F(Rounds, RunOnEndOfTheTaskForEveryAttemptAlsoWhenTheProcessNeverStarted) {
  const TaskId task = world.task({.hooks = both});
  world.submit();
  world.hook_ends(task, HookKind::on_start);
  world.effects();
  world.exits(task, 100);
  EXPECT_EQ(world.effects(), Lines{"on_end 1.1"});
  world.hook_ends(task, HookKind::on_end);
  EXPECT_TRUE(world.waits(task));
  world.pass(Duration::seconds(1));
  world.hook_ends(task, HookKind::on_start);
  world.effects();
  world.exits(task, ExitStatus::of_stage(StartStage::executable, 2));
  EXPECT_EQ(world.effects(), Lines{"on_end 1.2"});
}

TEST_F(Rounds, KeepAGroupOpenWhileAMemberBacksOff) {
  const GroupId group = world.group({}, both);
  const TaskId task = world.task({.group = group});
  world.submit();
  world.hook_ends(group, HookKind::on_start);
  world.effects();
  world.exits(task, 100);
  EXPECT_EQ(world.effects(), Lines{"timer 1000"});
  world.pass(Duration::seconds(1));
  EXPECT_EQ(world.effects(), Lines{"start 1.2"});
}

TEST_F(Rounds, RunNoHookOfAGroupInWhichNothingWasAttempted) {
  const GroupId group = world.group({}, {false, true});
  const TaskId blocker = world.task({.request = whole(2)});
  const TaskId task = world.task({.request = whole(2), .group = group});
  world.submit();
  world.effects();
  world.ask(Verb::cancel, {task});
  EXPECT_EQ(world.effects(), Lines{});
  world.exits(blocker);
  EXPECT_EQ(world.effects(), Lines{"ended 1"});
}

TEST_F(Rounds, RunTheOnEndOfAGroupThatHasNoOnStartIfAMemberRan) {
  const GroupId group = world.group({}, {false, true});
  const TaskId task = world.task({.group = group});
  const TaskId successor = world.task();
  world.edge(group, successor);
  world.submit();
  world.effects();
  world.exits(task, 0);
  EXPECT_EQ(world.effects(), Lines{"on_end group 1"});
  EXPECT_TRUE(world.waits(successor)) << "successors of a group wait for its on_end";
  world.hook_ends(group, HookKind::on_end);
  EXPECT_TRUE(world.runs(successor));
}

TEST_F(Rounds, BeginAgainWhenATaskIsResumedAfterTheGroupsOnEnd) {
  const GroupId group = world.group({}, both);
  const TaskId task = world.task({.group = group});
  world.task({.request = {2, {}, {64000}, {}}});
  const TaskId keeper = world.task({.request = {2, {}, {64000}, {}}});
  world.submit();
  world.hook_ends(group, HookKind::on_start);
  world.exits(task, 1);
  world.effects();
  world.ask(Verb::resume, {task});
  EXPECT_EQ(world.effects(), Lines{}) << "its on_end still runs";
  EXPECT_TRUE(world.runs(task) || world.waits(task));
  world.hook_ends(group, HookKind::on_end);
  world.ask(Verb::cancel, {{2}, keeper});
  if (world.waits({2})) {
    ADD_FAILURE();
  }
  world.exits(TaskId{2}, ExitStatus::of_signal(15));
  EXPECT_EQ(world.effects(), (Lines{"stop 2.1", "on_start group 1"}));
}

TEST_F(Rounds, CancelATaskThatWaitsForItsGroupAtOnce) {
  const GroupId group = world.group({}, both);
  const TaskId task = world.task({.request = whole(2), .group = group, .hooks = both});
  const TaskId next = world.task({.request = whole(2)});
  world.submit();
  world.effects();
  world.ask(Verb::cancel, {task});
  EXPECT_EQ(world.status(task), TaskStatus::cancelled);
  EXPECT_EQ(world.effects(), Lines{"start 2.1"}) << "no on_end: its on_start never ran";
  world.hook_ends(group, HookKind::on_start);
  EXPECT_EQ(world.effects(), Lines{"on_end group 1"});
  world.exits(next);
  EXPECT_EQ(world.effects(), Lines{}) << "the group's on_end keeps the submission";
  world.hook_ends(group, HookKind::on_end);
  EXPECT_EQ(world.effects(), Lines{"ended 1"});
}

TEST_F(Rounds, CancelATaskInItsOnStartByWaitingForItAndThenRunOnEnd) {
  const TaskId task = world.task({.request = whole(2), .hooks = both});
  const TaskId next = world.task({.request = whole(2)});
  world.submit();
  world.effects();
  world.ask(Verb::kill, {task});
  EXPECT_EQ(world.effects(), (Lines{"hurry 1.1", "start 2.1"}))
      << "there is no process: devices are free";
  EXPECT_TRUE(world.runs(task) && world.runs(next));
  world.hook_ends(task, HookKind::on_start);
  EXPECT_EQ(world.effects(), Lines{"on_end 1.1"});
  world.hook_ends(task, HookKind::on_end);
  EXPECT_EQ(world.status(task), TaskStatus::failed);
  EXPECT_EQ(world.state(task).cause, Cause::user_killed);
}

TEST_F(Rounds, IgnoreHooksThatAreNotCurrent) {
  const GroupId group = world.group({}, both);
  const TaskId task = world.task({.group = group, .hooks = both});
  world.submit();
  world.hook_ends(task, HookKind::on_start);
  world.hook_ends(group, HookKind::on_end);
  EXPECT_EQ(world.state(task).phase, TaskPhase::group_hooks);
  world.hook_ends(group, HookKind::on_start);
  world.step(HookEnded{Node::of(task), HookKind::on_start, 7, true});
  EXPECT_EQ(world.state(task).phase, TaskPhase::start_hook);
}

}  // namespace
}  // namespace cattino::core
