// What is kept for the first task that does not fit, and who may pass it.
#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

constexpr Duration minute = Duration::seconds(60);

Policy with_depth(std::uint32_t depth) {
  Policy policy;
  policy.reservations.depth = depth;
  return policy;
}

/// "2: 0,1 (1 idle) in 600 s": the task, its devices, and when it starts at the latest.
Lines kept(const World& world) {
  Lines lines;
  for (const Scheduler::Reserved& reserved : world.scheduler.reservations()) {
    std::string line = std::to_string(reserved.task.value) + ":";
    for (const std::uint16_t device : reserved.devices) {
      line += (line.back() == ':' ? " " : ",") + std::to_string(device);
    }
    line += " (" + std::to_string(reserved.idle) + " idle)";
    if (reserved.shadow) {
      line += " in " + std::to_string((reserved.shadow - world.now).ms() / 1000) + " s";
    }
    lines.push_back(line);
  }
  return lines;
}

class Head : public testing::Test {
 protected:
  TaskId submit(const Request& request, std::int32_t priority = 0) {
    const TaskId task = world_.task({.request = request, .priority = priority});
    world_.submit();
    return task;
  }

  World world_{with_depth(1)};
};

TEST_F(Head, IsKeptRoomForAtOnceIfAllThatRunsHasALimit) {
  world_.observe(box({24000, 24000}));
  submit(limited(whole(1), minute * 10));
  const TaskId gang = submit(whole(2));
  EXPECT_EQ(kept(world_), Lines{"2: 0,1 (1 idle) in 600 s"});
  const Reason of_gang = world_.scheduler.explain(gang);
  EXPECT_EQ(of_gang.kind, Reason::Kind::devices);
  EXPECT_EQ(of_gang.holding, (std::vector<std::uint16_t>{0, 1}));
  EXPECT_EQ(of_gang.idle, 1U);
  const TaskId small = submit(whole(1));
  const Reason reason = world_.scheduler.explain(small);
  EXPECT_EQ(reason.kind, Reason::Kind::reserved);
  EXPECT_EQ(reason.nodes, std::vector<Node>{Node::of(gang)});
  EXPECT_EQ(reason.until, world_.now + minute * 10);
}

TEST_F(Head, IsKeptRoomForOnlyAfterAWhileIfSomethingHasNone) {
  world_.observe(box({24000, 24000}));
  const TaskId holder = submit(whole(1));
  world_.effects();
  const TaskId gang = submit(whole(2));
  EXPECT_EQ(world_.effects(), Lines{"timer 600000"});
  const TaskId early = submit(whole(1));
  EXPECT_TRUE(world_.runs(early));
  world_.pass(minute * 5);
  world_.exits(early);
  EXPECT_EQ(kept(world_), Lines{});
  world_.pass(minute * 5);
  EXPECT_EQ(kept(world_), Lines{"2: 0,1 (1 idle)"});
  const TaskId late = submit(limited(whole(1), Duration::seconds(1)));
  EXPECT_EQ(world_.scheduler.explain(late).kind, Reason::Kind::reserved);
  EXPECT_FALSE(world_.scheduler.explain(late).until) << "nobody knows when";
  world_.exits(holder);
  EXPECT_TRUE(world_.runs(gang));
}

TEST_F(Head, IsPassedByWhatEndsBeforeItsTime) {
  world_.observe(box({24000, 24000, 24000}));
  const TaskId holder = submit(limited(whole(1), minute * 10));
  const TaskId gang = submit(whole(3));
  const TaskId longer = submit(limited(whole(1), minute * 10 + Duration{1}));
  const TaskId shorter = submit(limited(whole(1), minute * 10));
  const TaskId endless = submit(whole(1));
  EXPECT_TRUE(world_.waits(longer));
  EXPECT_TRUE(world_.runs(shorter));
  EXPECT_TRUE(world_.waits(endless));
  world_.pass(minute * 10);
  EXPECT_EQ(world_.effects().back(), "stop 4.1");
  world_.exits(holder);
  world_.exits(shorter);
  EXPECT_TRUE(world_.runs(gang)) << "in its time, in spite of the one that passed";
}

TEST_F(Head, TakesBusyDevicesWhenItsTimeIsKnown) {
  world_.observe(box({24000, 24000, 24000}));
  submit(limited(whole(2), minute));
  submit(memory(20000, 2));
  EXPECT_EQ(kept(world_), Lines{"2: 0,1 (0 idle) in 60 s"});
  EXPECT_TRUE(world_.runs(submit(whole(1)))) << "it uses nothing that is kept";
}

TEST_F(Head, KeepsFreeDevicesWhenItsTimeIsNotKnown) {
  world_.observe(box({24000, 24000, 24000}));
  submit(whole(2));
  submit(memory(20000, 2));
  world_.pass(minute * 10);
  EXPECT_EQ(kept(world_), Lines{"2: 0,2 (1 idle)"});
  EXPECT_TRUE(world_.waits(submit(whole(1))));
}

TEST_F(Head, LeavesThePartOfADeviceThatItDoesNotUse) {
  world_.observe(box({24000}));
  submit(limited(memory(16000), minute));
  submit(memory(20000));
  EXPECT_EQ(kept(world_), Lines{"2: 0 (0 idle) in 60 s"});
  EXPECT_TRUE(world_.waits(submit(memory(5000)))) << "there would be 4000";
  EXPECT_TRUE(world_.runs(submit(memory(4000))));
}

TEST_F(Head, IsKeptCoresMemoryAndCounters) {
  world_.step(CountersDeclared{{{"licence", 2}}});
  world_.observe(box({}, 8));
  submit(limited(counting("licence", 1, no_device(6000, 200 * 1024)), minute));
  submit(counting("licence", 2, no_device(6000, 200 * 1024)));
  EXPECT_TRUE(world_.waits(submit(no_device(2001))));
  EXPECT_TRUE(world_.waits(submit(no_device(0, 56 * 1024 + 1))));
  EXPECT_TRUE(world_.waits(submit(counting("licence", 1))));
  EXPECT_TRUE(world_.runs(submit(no_device(2000, 56 * 1024))));
}

TEST_F(Head, IsKeptNothingWhileStrangersAreTheCause) {
  Host host = box({24000, 24000});
  host.devices[0].strangers = true;
  world_.observe(host);
  const TaskId gang = submit(whole(2));
  world_.pass(minute * 10);
  EXPECT_EQ(kept(world_), Lines{});
  const TaskId small = submit(whole(1));
  EXPECT_TRUE(world_.runs(small));
  host.devices[0].strangers = false;
  world_.observe(host);
  EXPECT_EQ(kept(world_), Lines{"1: 0,1 (1 idle)"}) << "now it is the work of a task";
  world_.exits(small);
  EXPECT_TRUE(world_.runs(gang));
}

TEST_F(Head, IsKeptNothingWhileDevicesThatAreNotWellAreTheCause) {
  for (const auto health : {DeviceHealth::drained, DeviceHealth::lost, DeviceHealth::unknown}) {
    World world{with_depth(1)};
    Host host = box({24000, 24000});
    host.devices[0].health = health;
    world.observe(host);
    world.task({.request = whole(2)});
    world.submit();
    world.pass(minute * 10);
    EXPECT_EQ(kept(world), Lines{});
    const TaskId small = world.task({.request = whole(1)});
    world.submit();
    EXPECT_TRUE(world.runs(small));
  }
}

TEST_F(Head, GivesUpItsRoomWhenADeviceOfItIsDrained) {
  Host host = box({24000, 24000});
  world_.observe(host);
  submit(limited(whole(1), minute));
  submit(whole(2));
  const TaskId small = submit(whole(1));
  EXPECT_TRUE(world_.waits(small));
  host.devices[0].health = DeviceHealth::drained;
  world_.observe(host);
  EXPECT_EQ(kept(world_), Lines{});
  EXPECT_TRUE(world_.runs(small));
}

TEST_F(Head, GivesItsPlaceToAHigherPriority) {
  world_.observe(box({24000, 24000}));
  const TaskId holder = submit(limited(whole(1), minute));
  const TaskId low = submit(memory(20000, 2));
  EXPECT_EQ(kept(world_), Lines{"2: 0,1 (1 idle) in 60 s"});
  const TaskId high = submit(whole(2), 1);
  EXPECT_EQ(kept(world_), Lines{"3: 0,1 (1 idle) in 60 s"});
  EXPECT_EQ(world_.state(low).reserved, 0U);
  world_.exits(holder);
  EXPECT_TRUE(world_.runs(high));
  EXPECT_TRUE(world_.waits(low));
}

TEST_F(Head, IsNotHeededByWhatComesBeforeIt) {
  world_.observe(box({24000, 24000}));
  submit(limited(whole(1), minute));
  submit(whole(2));
  EXPECT_TRUE(world_.runs(submit(whole(1), 1)));
  EXPECT_EQ(kept(world_), Lines{"2: 0,1 (0 idle)"}) << "nobody knows any more when that one ends";
}

TEST_F(Head, MayLeaveNoRoomForTheNext) {
  World world{with_depth(2)};
  world.observe(box({24000, 24000, 24000}));
  world.task({.request = limited(whole(1), minute)});
  world.task({.request = limited(whole(1), minute * 2)});
  world.task({.request = memory(20000, 2)});
  world.task({.request = memory(16000, 2)});
  world.submit();
  EXPECT_EQ(kept(world), Lines{"3: 0,2 (1 idle) in 60 s"}) << "beside it there are never two";
}

TEST_F(Head, OfEachOfTwoShapesIsKeptRoomForAtDepthTwo) {
  World world{with_depth(2)};
  world.observe(box({24000, 24000}));
  world.task({.request = limited(whole(1), minute)});
  world.task({.request = limited(whole(1), minute * 2)});
  const TaskId first = world.task({.request = whole(1)});
  const TaskId second = world.task({.request = memory(20000)});
  const TaskId third = world.task({.request = memory(16000)});
  world.submit();
  EXPECT_EQ(kept(world), (Lines{"3: 0 (0 idle) in 60 s", "4: 1 (0 idle) in 120 s"}));
  const TaskId high = world.task({.request = memory(12000), .priority = 1});
  world.submit();
  EXPECT_EQ(kept(world), (Lines{"6: 0 (0 idle) in 60 s", "3: 1 (0 idle) in 120 s"}));
  world.ask(Verb::cancel, {high, first});
  EXPECT_EQ(kept(world), (Lines{"4: 0 (0 idle) in 60 s", "5: 1 (0 idle) in 120 s"}));
  world.ask(Verb::cancel, {second, third});
  EXPECT_EQ(kept(world), Lines{});
}

TEST_F(Head, HoldsUpAllThatComeAfterItWithoutBackfill) {
  Policy policy = with_depth(1);
  policy.reservations.backfill = false;
  World world{policy};
  world.observe(box({24000, 24000}));
  const TaskId holder = world.task({.request = whole(1)});
  const TaskId gang = world.task({.request = whole(2)});
  const TaskId small = world.task({.request = limited(whole(1), Duration::seconds(1))});
  const TaskId free = world.task({.request = no_device(1)});
  const TaskId before = world.task({.request = no_device(1), .priority = 1});
  world.submit();
  EXPECT_TRUE(world.runs(before));
  EXPECT_TRUE(world.waits(free));
  EXPECT_EQ(world.scheduler.explain(small).kind, Reason::Kind::behind);
  EXPECT_EQ(world.scheduler.explain(small).nodes, std::vector<Node>{Node::of(gang)});
  world.ask(Verb::cancel, {gang});
  EXPECT_TRUE(world.runs(small));
  EXPECT_TRUE(world.runs(free));
  EXPECT_TRUE(world.runs(holder));
}

TEST_F(Head, FreesWhatWasKeptForItWhenItIsCancelled) {
  world_.observe(box({24000, 24000}));
  submit(limited(whole(1), minute));
  const TaskId gang = submit(whole(2));
  const TaskId small = submit(whole(1));
  EXPECT_TRUE(world_.waits(small));
  EXPECT_EQ(world_.state(gang).reserved, 1U);
  world_.ask(Verb::cancel, {gang});
  EXPECT_EQ(kept(world_), Lines{});
  EXPECT_TRUE(world_.runs(small));
}

TEST_F(Head, FreesWhatWasKeptForItWhileAllIsPaused) {
  world_.observe(box({24000, 24000}));
  submit(limited(whole(1), minute));
  submit(whole(2));
  world_.step(Paused{true});
  EXPECT_EQ(kept(world_), Lines{});
  world_.step(Paused{false});
  EXPECT_EQ(kept(world_), Lines{"2: 0,1 (1 idle) in 60 s"});
}

TEST_F(Head, KeepsItsRoomOverARestart) {
  world_.observe(box({24000, 24000, 24000}));
  submit(limited(whole(2), minute));
  const TaskId gang = submit(whole(2));
  submit(whole(1));  // without a limit, on the one that is not kept
  const Lines before = kept(world_);
  EXPECT_EQ(before, Lines{"2: 0,1 (0 idle) in 60 s"});
  World fresh{with_depth(1)};
  fresh.restore(world_);
  EXPECT_EQ(fresh.state(gang).reserved, 1U);
  fresh.observe(box({24000, 24000, 24000}));
  EXPECT_EQ(kept(fresh), before);
}

TEST_F(Head, StaysOnItsHostIfNoOtherIsBetter) {
  world_.observe(box({24000, 24000}, 64, 0));
  world_.observe(box({24000, 24000}, 64, 1));
  const TaskId on_first = submit(whole(1));
  submit(whole(1));
  submit(whole(1));
  const TaskId gang = submit(whole(2));
  world_.pass(minute * 10);
  EXPECT_EQ(world_.state(gang).reserved, 2U)
      << "one is missing on the second host, two on the other";
  world_.exits(on_first);
  EXPECT_EQ(world_.state(gang).reserved, 2U);
  World fresh{with_depth(1)};
  fresh.observe(box({24000, 24000}, 64, 0));
  fresh.observe(box({24000, 24000}, 64, 1));
  fresh.restore(world_);
  fresh.step(TimerFired{});
  EXPECT_EQ(fresh.state(gang).reserved, 2U);
}

TEST_F(Head, LetsNobodyJoinALineThatWouldPassIt) {
  Policy policy = with_depth(1);
  policy.lines = {.length = 2, .short_ends = 0};
  World world{policy};
  world.observe(box({24000, 24000}));
  const TaskId first = world.task({.request = whole(1)});
  world.task({.request = whole(1)});
  const TaskId behind = world.task({.request = whole(1)});
  world.submit();
  EXPECT_EQ(world.state(behind).behind, first);
  world.effects();
  const TaskId gang = world.task({.request = whole(2)});
  world.submit();
  EXPECT_EQ(world.effects(), Lines{"recall 3.1"});
  world.recalled(behind);
  EXPECT_TRUE(world.waits(behind));
  EXPECT_TRUE(world.waits(gang));
}

}  // namespace
}  // namespace cattino::core
