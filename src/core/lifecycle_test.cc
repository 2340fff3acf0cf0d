// The life of a task, from its submission to its end, and why it waits.
#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

constexpr Duration second = Duration::seconds(1);

TEST(Lifecycle, StartsATaskInTheStepThatSubmitsIt) {
  World world;
  world.observe(box({24000}));
  const TaskId task = world.task({.request = whole(1)});
  world.submit();
  EXPECT_EQ(world.effects(), Lines{"start 1.1"});
  EXPECT_EQ(world.state(task).phase, TaskPhase::starting);
  EXPECT_EQ(world.state(task).allocation.devices.size(), 1U);
  world.started(task);
  EXPECT_EQ(world.state(task).phase, TaskPhase::process);
  world.exits(task);
  EXPECT_EQ(world.effects(), Lines{"ended 1"});
  EXPECT_EQ(world.scheduler.state(task), nullptr) << "its submission has left the core";
}

TEST(Lifecycle, StartsTheNextInTheStepThatFreesTheDevice) {
  World world;
  world.observe(box({24000}));
  const TaskId first = world.task({.request = whole(1)});
  const TaskId second_task = world.task({.request = whole(1)});
  world.submit();
  world.started(first);
  world.effects();
  world.exits(first);
  EXPECT_EQ(world.effects(), Lines{"start 2.1"});
  EXPECT_TRUE(world.runs(second_task));
}

TEST(Lifecycle, OrdersByPriorityThenCreationThenId) {
  World world;
  const TaskId old_low = world.task({.request = whole(1), .priority = -1});
  const TaskId old_one = world.task({.request = whole(1)});
  const TaskId twin = world.task({.request = memory(20000)});
  world.now = world.now + second;
  const TaskId late_high = world.task({.request = whole(1), .priority = 5});
  world.submit();
  world.observe(box({24000}));
  for (const TaskId next : {late_high, old_one, twin}) {
    EXPECT_TRUE(world.runs(next)) << next.value;
    world.exits(next);
  }
  EXPECT_TRUE(world.runs(old_low));
}

TEST(Lifecycle, SkipsATaskThatDoesNotFitForOneThatDoes) {
  World world;
  world.observe(box({24000, 24000}));
  const TaskId holder = world.task({.request = whole(1)});
  const TaskId gang = world.task({.request = whole(2)});
  const TaskId small = world.task({.request = whole(1)});
  world.submit();
  EXPECT_TRUE(world.runs(holder));
  EXPECT_TRUE(world.waits(gang));
  EXPECT_TRUE(world.runs(small));
  world.exits(small);
  EXPECT_TRUE(world.waits(gang));
  world.exits(holder);
  EXPECT_TRUE(world.runs(gang));
}

TEST(Lifecycle, FailsATaskByItsExitStatus) {
  World world;
  world.observe(box({}));
  const TaskId task = world.task();
  world.task({.request = whole(1)});  // keeps the submission in the core
  world.submit();
  world.exits(task, 3);
  EXPECT_EQ(world.status(task), TaskStatus::failed);
  EXPECT_EQ(world.state(task).cause, Cause::exit);
  EXPECT_EQ(world.state(task).last_exit, ExitStatus::of_code(3));
}

TEST(Lifecycle, RequeuesExitStatus100WithABackoffThatDoubles) {
  World world;
  world.observe(box({}));
  const TaskId task = world.task();
  world.submit();
  EXPECT_EQ(world.effects(), Lines{"start 1.1"});
  world.exits(task, 100);
  EXPECT_TRUE(world.waits(task));
  EXPECT_EQ(world.effects(), Lines{"timer 1000"});
  world.pass(second);
  EXPECT_EQ(world.effects(), Lines{"start 1.2"});
  world.exits(task, 100);
  EXPECT_EQ(world.effects(), Lines{"timer 2000"});
  world.pass(second);
  EXPECT_EQ(world.effects(), Lines{"timer 1000"}) << "fired too early: armed again";
  EXPECT_TRUE(world.waits(task));
  world.pass(second);
  EXPECT_TRUE(world.runs(task));
}

TEST(Lifecycle, GivesUpAfterTenRequeuesInARow) {
  World world;
  world.observe(box({}));
  const TaskId task = world.task();
  world.task({.request = whole(1)});
  world.submit();
  for (int i = 0; i < 10; ++i) {
    world.exits(task, 100);
    ASSERT_TRUE(world.waits(task));
    EXPECT_LE(world.state(task).not_before, world.now + second * 600);
    world.pass(second * 600);
    ASSERT_TRUE(world.runs(task));
  }
  world.exits(task, 100);
  EXPECT_EQ(world.status(task), TaskStatus::failed);
  EXPECT_EQ(world.state(task).cause, Cause::retries_over);
  EXPECT_EQ(world.state(task).attempt, 11U);
}

TEST(Lifecycle, CountsAnewAfterAnHoursRun) {
  World world;
  world.observe(box({}));
  const TaskId task = world.task();
  world.submit();
  for (int i = 0; i < 9; ++i) {
    world.exits(task, 100);
    world.pass(second * 600);
  }
  world.pass(second * 3600);
  world.exits(task, 100);
  EXPECT_EQ(world.state(task).requeues, 1U);
  EXPECT_EQ(world.state(task).not_before, world.now + second);
}

TEST(Lifecycle, HoldsALostTaskForTheUserAndNeverCascades) {
  World world;
  world.observe(box({24000}));
  const TaskId task = world.task({.request = whole(1)});
  const TaskId after = world.task();
  world.edge(task, after);
  world.submit();
  world.exits(task, ExitStatus::of_lost());
  EXPECT_TRUE(world.waits(task));
  EXPECT_TRUE(world.state(task).held);
  EXPECT_EQ(world.state(task).cause, Cause::lost);
  EXPECT_TRUE(world.waits(after));
  EXPECT_EQ(world.scheduler.explain(task).kind, Reason::Kind::lost);
  world.ask(Verb::resume, {task});
  EXPECT_TRUE(world.runs(task));
  EXPECT_EQ(world.state(task).attempt, 2U);
}

TEST(Lifecycle, IgnoresReportsOfAttemptsThatAreOver) {
  World world;
  world.observe(box({}));
  const TaskId task = world.task();
  world.submit();
  const AttemptId first = world.attempt(task);
  world.exits(task, 100);
  world.pass(second);
  world.step(AttemptExited{first, ExitStatus::of_code(0)});
  world.step(AttemptStarted{first});
  EXPECT_EQ(world.state(task).phase, TaskPhase::starting);
  world.step(AttemptExited{{{99}, 1}, ExitStatus::of_code(0)});
  EXPECT_TRUE(world.runs(task));
}

TEST(Lifecycle, CancelsAWaitingTaskAtOnce) {
  World world;
  world.observe(box({24000}));
  world.task({.request = whole(1)});
  const TaskId waiting = world.task({.request = whole(1)});
  world.submit();
  world.ask(Verb::cancel, {waiting}, Cause::replaced);
  EXPECT_EQ(world.status(waiting), TaskStatus::cancelled);
  EXPECT_EQ(world.state(waiting).cause, Cause::replaced);
  EXPECT_FALSE(world.scheduler.would_change(Verb::cancel, waiting));
}

TEST(Lifecycle, StopsARunningTaskAndCancelsItWhenItIsGone) {
  World world;
  world.observe(box({24000}));
  const TaskId task = world.task({.request = whole(1)});
  const TaskId next = world.task({.request = whole(1)});
  world.submit();
  world.started(task);
  world.effects();
  world.ask(Verb::cancel, {task});
  EXPECT_EQ(world.effects(), Lines{"stop 1.1"});
  EXPECT_TRUE(world.runs(task));
  EXPECT_EQ(world.state(task).phase, TaskPhase::stopping);
  EXPECT_TRUE(world.waits(next)) << "the device is held until the process tree is gone";
  world.ask(Verb::cancel, {task});
  world.ask(Verb::kill, {task});
  EXPECT_EQ(world.effects(), Lines{});
  world.exits(task, 0);
  EXPECT_EQ(world.status(task), TaskStatus::cancelled);
  EXPECT_EQ(world.state(task).cause, Cause::user_cancelled);
  EXPECT_TRUE(world.runs(next));
}

TEST(Lifecycle, StopsATaskWhoseProcessIsNotKnownYet) {
  World world;
  world.observe(box({}));
  const TaskId task = world.task();
  world.task({.request = whole(1)});
  world.submit();
  world.effects();
  world.ask(Verb::cancel, {task});
  EXPECT_EQ(world.effects(), Lines{"stop 1.1"});
  world.started(task);
  EXPECT_EQ(world.state(task).phase, TaskPhase::stopping);
  world.exits(task, ExitStatus::of_stage(StartStage::exec, 2));
  EXPECT_EQ(world.status(task), TaskStatus::cancelled);
}

TEST(Lifecycle, KillsOnlyWhatRunsAndDoesNotRetryIt) {
  World world;
  world.observe(box({24000}));
  const TaskId task = world.task({.request = whole(1)});
  const TaskId waiting = world.task({.request = whole(1)});
  world.submit();
  EXPECT_FALSE(world.scheduler.would_change(Verb::kill, waiting));
  world.ask(Verb::kill, {task, waiting});
  EXPECT_TRUE(world.waits(waiting));
  world.exits(task, 100);
  EXPECT_EQ(world.status(task), TaskStatus::failed);
  EXPECT_EQ(world.state(task).cause, Cause::user_killed);
}

TEST(Lifecycle, ResumesAFailedTaskWithANewAttempt) {
  World world;
  world.observe(box({}));
  const TaskId task = world.task();
  world.task({.request = whole(1)});
  world.submit();
  world.exits(task, 1);
  world.ask(Verb::resume, {task});
  EXPECT_TRUE(world.runs(task));
  EXPECT_EQ(world.state(task).attempt, 2U);
  world.exits(task, 0);
  EXPECT_FALSE(world.scheduler.would_change(Verb::resume, task)) << "Done is never run again";
  world.ask(Verb::resume, {task});
  EXPECT_EQ(world.status(task), TaskStatus::done);
}

TEST(Lifecycle, RemovesARunningTaskByCancellingIt) {
  World world;
  world.observe(box({}));
  const TaskId task = world.task();
  world.submit();
  world.effects();
  world.ask(Verb::remove, {task});
  EXPECT_EQ(world.effects(), Lines{"stop 1.1"});
  world.exits(task, ExitStatus::of_signal(15));
  EXPECT_EQ(world.effects(), Lines{"ended 1"});
}

TEST(Lifecycle, StartsNothingWhilePaused) {
  World world;
  world.observe(box({}));
  world.step(Paused{true});
  const TaskId task = world.task();
  world.submit();
  EXPECT_TRUE(world.waits(task));
  EXPECT_EQ(world.scheduler.explain(task).kind, Reason::Kind::paused);
  world.step(Paused{false});
  EXPECT_TRUE(world.runs(task));
}

TEST(Lifecycle, StartsNothingNewOnADrainedDeviceAndGoesOnWhenItIsBack) {
  World world;
  Host host = box({24000});
  host.devices[0].health = DeviceHealth::drained;
  world.observe(host);
  const TaskId task = world.task({.request = whole(1)});
  world.submit();
  EXPECT_TRUE(world.waits(task));
  EXPECT_EQ(world.scheduler.explain(task).kind, Reason::Kind::devices);
  host.devices[0].health = DeviceHealth::ok;
  world.observe(host);
  EXPECT_TRUE(world.runs(task));
}

TEST(Explain, TellsWhichResourceIsShort) {
  World world;
  world.observe(box({24000}, 2));
  const TaskId holder = world.task({.request = {1, {}, {2000}, {200 * 1024}}});
  const TaskId device = world.task({.request = whole(1)});
  const TaskId cpus = world.task({.request = no_device(1500)});
  const TaskId ram = world.task({.request = no_device(0, 100 * 1024)});
  world.submit();
  const Reason on_device = world.scheduler.explain(device);
  EXPECT_EQ(on_device.kind, Reason::Kind::devices);
  ASSERT_EQ(on_device.devices.size(), 1U);
  EXPECT_EQ(on_device.devices[0].holders, std::vector<TaskId>{holder});
  const Reason on_cpus = world.scheduler.explain(cpus);
  EXPECT_EQ(on_cpus.kind, Reason::Kind::cpus);
  EXPECT_EQ(on_cpus.wanted_cpus.value, 1500);
  EXPECT_EQ(on_cpus.free_cpus.value, 0);
  const Reason on_ram = world.scheduler.explain(ram);
  EXPECT_EQ(on_ram.kind, Reason::Kind::ram);
  EXPECT_EQ(on_ram.free_ram.value, 56 * 1024);
  EXPECT_EQ(world.scheduler.explain(holder).kind, Reason::Kind::none);
}

TEST(Explain, NamesUpToEightPrerequisitesAndCountsThemAll) {
  World world;
  world.observe(box({}, 1));
  const GroupId group = world.group();
  const TaskId last = world.task({.group = group});
  for (int i = 0; i < 6; ++i) {
    world.edge(world.task(), last);
    world.edge(world.task(), group);
  }
  world.submit();
  const Reason reason = world.scheduler.explain(last);
  EXPECT_EQ(reason.kind, Reason::Kind::dependencies);
  EXPECT_EQ(reason.nodes.size(), 8U);
  EXPECT_EQ(reason.count, 12U);
}

TEST(Explain, TellsUntilWhenATaskBacksOff) {
  World world;
  world.observe(box({}));
  const TaskId task = world.task();
  world.submit();
  world.exits(task, 100);
  EXPECT_EQ(world.scheduler.explain(task).kind, Reason::Kind::backoff);
  EXPECT_EQ(world.scheduler.explain(task).until, world.now + second);
}

}  // namespace
}  // namespace cattino::core
