// Groups that limit what runs in them, or are paused.
#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

class Throttle : public testing::Test {
 protected:
  Throttle() { world_.observe(box({24000})); }

  TaskId in(GroupId group, std::int32_t priority = 0) {
    return world_.task({.request = no_device(1), .group = group, .priority = priority});
  }

  World world_;
};

TEST_F(Throttle, LetsSoManyRunAtOnce) {
  const GroupId group = world_.group({}, {}, 2);
  const TaskId first = in(group);
  in(group);
  const TaskId third = in(group);
  const TaskId outside = in({});
  world_.submit();
  EXPECT_EQ(world_.effects(), (Lines{"start 1.1", "start 2.1", "start 4.1"}));
  EXPECT_TRUE(world_.runs(outside));
  const Reason reason = world_.scheduler.explain(third);
  EXPECT_EQ(reason.kind, Reason::Kind::parallel);
  EXPECT_EQ(reason.nodes, std::vector<Node>{Node::of(group)});
  EXPECT_EQ(reason.count, 2U);
  world_.exits(first);
  EXPECT_TRUE(world_.runs(third));
}

TEST_F(Throttle, CountsWhatRunsInGroupsInside) {
  const GroupId outer = world_.group({}, {}, 2);
  const GroupId inner = world_.group(outer, {}, 1);
  const GroupId plain = world_.group(outer);
  const TaskId first = in(inner);
  const TaskId second = in(inner);
  const TaskId third = in(plain);
  const TaskId fourth = in(plain);
  world_.submit();
  EXPECT_TRUE(world_.runs(first));
  EXPECT_EQ(world_.scheduler.explain(second).nodes, std::vector<Node>{Node::of(inner)});
  EXPECT_TRUE(world_.runs(third));
  EXPECT_EQ(world_.scheduler.explain(fourth).nodes, std::vector<Node>{Node::of(outer)});
  world_.exits(third);
  EXPECT_TRUE(world_.waits(second));
  EXPECT_TRUE(world_.runs(fourth));
  world_.exits(first);
  EXPECT_TRUE(world_.runs(second));
}

TEST_F(Throttle, TakesTheFirstByPriority) {
  const GroupId group = world_.group({}, {}, 1);
  const TaskId first = in(group);
  const TaskId low = in(group);
  const TaskId high = in(group, 1);
  world_.submit();
  EXPECT_TRUE(world_.runs(high));
  world_.exits(high);
  EXPECT_TRUE(world_.runs(first));
  EXPECT_TRUE(world_.waits(low));
}

TEST_F(Throttle, LetsAnotherGoAheadWhileATaskBacksOff) {
  const GroupId group = world_.group({}, {}, 1);
  const TaskId first = in(group);
  const TaskId second = in(group);
  world_.submit();
  world_.exits(first, 100);
  EXPECT_TRUE(world_.runs(second));
  world_.pass(Duration::seconds(1));
  EXPECT_EQ(world_.scheduler.explain(first).kind, Reason::Kind::parallel);
}

TEST_F(Throttle, OfAFullGroupIsNoHead) {
  World world{Policy{}};
  world.observe(box({24000, 24000}));
  const GroupId group = world.group({}, {}, 1);
  world.task({.request = limited(whole(1), Duration::seconds(60)), .group = group});
  world.task({.request = whole(2), .group = group});
  const TaskId small = world.task({.request = whole(1)});
  world.submit();
  EXPECT_TRUE(world.scheduler.reservations().empty());
  EXPECT_TRUE(world.runs(small));
}

TEST_F(Throttle, OfAPausedGroupStartsNothingAndStopsNothing) {
  const GroupId group = world_.group({}, {}, 1);
  const TaskId first = in(group);
  const TaskId second = in(group);
  world_.submit();
  world_.pause(group);
  EXPECT_TRUE(world_.runs(first));
  world_.exits(first);
  EXPECT_TRUE(world_.waits(second));
  EXPECT_EQ(world_.scheduler.explain(second).kind, Reason::Kind::paused);
  EXPECT_EQ(world_.scheduler.explain(second).nodes, std::vector<Node>{Node::of(group)});
  world_.pause(group);
  world_.pause(group, false);
  EXPECT_TRUE(world_.runs(second));
}

TEST_F(Throttle, OfPausedGroupsGoesOnWhenAllAroundATaskDo) {
  const GroupId outer = world_.group();
  const GroupId inner = world_.group(outer);
  const GroupId beside = world_.group(outer);
  const TaskId inside = world_.task({.request = whole(1), .group = inner});
  const TaskId other = world_.task({.request = memory(20000), .group = beside});
  const TaskId holder = world_.task({.request = whole(1), .priority = 1});
  world_.submit();
  world_.pause(outer);
  world_.pause(inner);
  world_.exits(holder);
  EXPECT_EQ(world_.scheduler.explain(inside).nodes, std::vector<Node>{Node::of(inner)});
  EXPECT_EQ(world_.scheduler.explain(other).nodes, std::vector<Node>{Node::of(outer)});
  world_.pause(outer, false);
  EXPECT_TRUE(world_.runs(other));
  world_.exits(other);
  EXPECT_TRUE(world_.waits(inside));
  world_.pause(inner, false);
  EXPECT_TRUE(world_.runs(inside));
}

TEST_F(Throttle, OfAGroupThatIsNotKnownIsLeftAlone) {
  world_.pause({77});
  const TaskId task = in({});
  world_.submit();
  EXPECT_TRUE(world_.runs(task));
}

TEST_F(Throttle, StandsAfterARestart) {
  const GroupId paused = world_.group();
  const GroupId full = world_.group({}, {}, 1);
  const TaskId held_up = world_.task({.request = whole(1), .group = paused});
  const TaskId runs = in(full);
  const TaskId next = in(full);
  const TaskId holder = world_.task({.request = whole(1), .priority = 1});
  world_.submit();
  world_.pause(paused);
  World fresh;
  fresh.restore(world_);
  fresh.observe(box({24000}));
  fresh.exits(holder);
  EXPECT_TRUE(fresh.waits(held_up));
  EXPECT_TRUE(fresh.waits(next));
  fresh.exits(runs);
  EXPECT_TRUE(fresh.runs(next));
  fresh.pause(paused, false);
  EXPECT_TRUE(fresh.runs(held_up));
}

}  // namespace
}  // namespace cattino::core
