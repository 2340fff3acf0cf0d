// What can be asked of the core, and what comes to it late, twice, or of things it does not know.
#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

TEST(Scheduler, NamesTheStatusesThatUsersSee) {
  EXPECT_STREQ(name(TaskStatus::waiting), "Waiting");
  EXPECT_STREQ(name(TaskStatus::running), "Running");
  EXPECT_STREQ(name(TaskStatus::done), "Done");
  EXPECT_STREQ(name(TaskStatus::failed), "Failed");
  EXPECT_STREQ(name(TaskStatus::cancelled), "Cancelled");
}

TEST(Scheduler, TellsWhatATaskAndAGroupAre) {
  World world;
  world.observe(box({24000}));
  const GroupId group = world.group({}, {}, 3);
  const TaskId task = world.task({.request = whole(1), .group = group, .priority = 7});
  world.submit();
  EXPECT_EQ(world.scheduler.terms(task)->priority, 7);
  EXPECT_EQ(world.scheduler.spec(group)->max_parallel, 3U);
  EXPECT_EQ(world.scheduler.hosts().size(), 1U);
  EXPECT_EQ(world.scheduler.counts().running, 1U);
}

TEST(Scheduler, HasNoAnswerOfWhatItDoesNotKnow) {
  World world;
  EXPECT_EQ(world.scheduler.terms({5}), nullptr);
  EXPECT_EQ(world.scheduler.spec({5}), nullptr);
  EXPECT_EQ(world.scheduler.state(GroupId{5}), nullptr);
  EXPECT_EQ(world.scheduler.members({5}).all, 0U);
  EXPECT_EQ(world.scheduler.explain({5}).kind, Reason::Kind::none);
  EXPECT_FALSE(world.scheduler.would_change(Verb::cancel, {5}));
  world.ask(Verb::cancel, {{5}});
  EXPECT_EQ(world.effects(), Lines{});
}

TEST(Scheduler, WithoutAHostLetsAllWaitForDevices) {
  World world;
  const TaskId task = world.task();
  EXPECT_EQ(world.scheduler.check(world.draft).at(0).kind, Problem::Kind::no_host);
  world.submit();
  const Reason reason = world.scheduler.explain(task);
  EXPECT_EQ(reason.kind, Reason::Kind::devices);
  EXPECT_TRUE(reason.devices.empty());
}

TEST(Scheduler, TakesWhatIsRestoredTwiceOnce) {
  World world;
  world.observe(box({24000}));
  const TaskId task = world.task({.request = whole(1)});
  world.submit();
  World fresh;
  fresh.restore(world);
  fresh.restore(world);
  fresh.observe(box({24000}));
  EXPECT_EQ(fresh.scheduler.counts().running, 1U);
  EXPECT_EQ(fresh.effects(), Lines{});
  EXPECT_EQ(fresh.attempt(task).number, 1U);
}

/// A group may end while one of its prerequisites is open: here its only member can never begin. When that
/// was found nobody remembers, so the task behind it counts from when it came.
TEST(Scheduler, RestoresSinceWhenATaskWaitsBehindAGroup) {
  World world;
  world.observe(box({24000}));
  const TaskId first = world.task();
  const TaskId second = world.task({.request = whole(1), .priority = 2});
  world.task({.request = whole(1), .priority = 1});
  const GroupId group = world.group();
  const GroupId member = world.group(group);
  const TaskId last = world.task({.request = whole(1)});
  world.edge(first, group);
  world.edge(second, group);
  world.edge(first, member, When::fail);
  world.edge(group, last, When::any);
  world.submit();
  world.pass(Duration::seconds(5));
  world.exits(first);
  world.pass(Duration::seconds(5));
  world.exits(second);
  World fresh;
  fresh.restore(world);
  EXPECT_EQ(fresh.state(last).queued, world.state(last).queued);
}

TEST(Scheduler, HearsOfAnEndBeforeItKnowsTheHost) {
  World world;
  world.observe(box({24000}));
  const TaskId task = world.task({.request = whole(1)});
  const TaskId next = world.task({.request = whole(1)});
  world.submit();
  World fresh;
  fresh.restore(world);
  fresh.exits(task, 1);
  EXPECT_EQ(fresh.status(task), TaskStatus::failed);
  EXPECT_TRUE(fresh.waits(next));
  fresh.observe(box({24000}));
  EXPECT_TRUE(fresh.runs(next));
}

/// Restored in its last attempt that can be numbered; another task keeps its submission in the core.
class LastAttempt : public testing::Test {
 protected:
  LastAttempt() {
    Restored stored;
    stored.work.id = {1};
    for (const std::uint64_t id : {1U, 2U}) {
      TaskSpec spec;
      spec.id = {id};
      spec.request = whole(1);
      spec.retry.retries = AttemptId::number_max;
      spec.preemptible = true;
      stored.work.tasks.push_back(spec);
    }
    TaskState running;
    running.status = TaskStatus::running;
    running.phase = TaskPhase::process;
    running.attempt = AttemptId::number_max;
    running.allocation.devices = {0};
    running.allocation.mib = {{24000}};
    running.allocation.whole = true;
    running.started = world_.now;
    stored.tasks = {running, {}};
    world_.step(stored);
    world_.observe(box({24000}));
    world_.effects();
  }

  World world_{Policy{}};
};

TEST_F(LastAttempt, IsNotRetried) {
  world_.exits({1}, 1);
  EXPECT_EQ(world_.status({1}), TaskStatus::failed);
  EXPECT_EQ(world_.state({1}).cause, Cause::exit);
  EXPECT_FALSE(world_.scheduler.would_change(Verb::resume, {1}));
}

TEST_F(LastAttempt, IsNotRequeued) {
  world_.exits({1}, 100);
  EXPECT_EQ(world_.status({1}), TaskStatus::failed);
  EXPECT_EQ(world_.state({1}).cause, Cause::retries_over);
}

TEST_F(LastAttempt, ThatMadeRoomHasFailed) {
  Submitted urgent;
  urgent.id = {2};
  TaskSpec spec;
  spec.id = {3};
  spec.request = whole(1);
  spec.priority = 1;
  urgent.tasks.push_back(spec);
  world_.step(urgent);
  EXPECT_EQ(world_.effects().front(), "stop 1." + std::to_string(AttemptId::number_max));
  world_.exits({1}, ExitStatus::of_signal(15));
  EXPECT_TRUE(world_.runs({3}));
  EXPECT_EQ(world_.status({1}), TaskStatus::failed);
  EXPECT_EQ(world_.state({1}).cause, Cause::retries_over);
}

}  // namespace
}  // namespace cattino::core
