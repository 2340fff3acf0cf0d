// Prerequisites between tasks and groups: satisfied, failed, undone.
#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

struct Graph : ::testing::Test {
  World world;
  TaskId keeper;  ///< waits for ever, so that the submission stays in the core

  Graph() {
    world.observe(box({}));
    keeper = world.task({.request = whole(1)});
  }
};

TEST_F(Graph, StartsATaskWhenAllItsPrerequisitesAreDone) {
  const TaskId a = world.task();
  const TaskId b = world.task();
  const TaskId c = world.task();
  world.edge(a, c);
  world.edge(b, c);
  world.submit();
  world.exits(a);
  EXPECT_TRUE(world.waits(c));
  EXPECT_EQ(world.scheduler.explain(c).nodes, std::vector<Node>{Node::of(b)});
  world.exits(b);
  EXPECT_TRUE(world.runs(c));
}

TEST_F(Graph, CancelsDownTheGraphInOneStepEachWithWhatItWaitedFor) {
  const TaskId a = world.task();
  const TaskId b = world.task();
  const TaskId c = world.task();
  world.edge(a, b);
  world.edge(b, c);
  world.submit();
  world.exits(a, 1);
  EXPECT_EQ(world.status(b), TaskStatus::cancelled);
  EXPECT_EQ(world.state(b).cause, Cause::dependency);
  EXPECT_EQ(world.state(b).cause_node, Node::of(a));
  EXPECT_EQ(world.status(c), TaskStatus::cancelled);
  EXPECT_EQ(world.state(c).cause_node, Node::of(b));
}

TEST_F(Graph, HonoursAnyAndFail) {
  const TaskId a = world.task();
  const TaskId always = world.task();
  const TaskId cleanup = world.task();
  const TaskId ok = world.task();
  const TaskId b = world.task();
  const TaskId never = world.task();
  world.edge(a, always, When::any);
  world.edge(a, cleanup, When::fail);
  world.edge(a, ok);
  world.edge(b, never, When::fail);
  world.submit();
  world.exits(a, 1);
  world.exits(b, 0);
  EXPECT_TRUE(world.runs(always));
  EXPECT_TRUE(world.runs(cleanup));
  EXPECT_EQ(world.status(ok), TaskStatus::cancelled);
  EXPECT_EQ(world.status(never), TaskStatus::cancelled);
}

TEST_F(Graph, KeepsATaskWaitingThatIsNotToBeCancelledAndRunsItAfterAResume) {
  const TaskId a = world.task();
  const TaskId b = world.task({.cascade = false});
  const TaskId c = world.task();
  world.edge(a, b);
  world.edge(b, c);
  world.submit();
  world.exits(a, 1);
  EXPECT_TRUE(world.waits(b));
  EXPECT_EQ(world.scheduler.explain(b).kind, Reason::Kind::dependency_failed);
  EXPECT_EQ(world.scheduler.explain(b).nodes, std::vector<Node>{Node::of(a)});
  EXPECT_EQ(world.scheduler.explain(c).kind, Reason::Kind::dependencies);
  world.ask(Verb::resume, {a});
  EXPECT_EQ(world.scheduler.explain(b).kind, Reason::Kind::dependencies);
  world.exits(a, 0);
  EXPECT_TRUE(world.runs(b));
}

TEST_F(Graph, BringsBackWithATaskAllThatWasCancelledBecauseOfIt) {
  const TaskId a = world.task();
  const TaskId b = world.task();
  const TaskId c = world.task();
  const TaskId other = world.task();
  world.edge(a, b);
  world.edge(b, c);
  world.edge(a, other);
  world.submit();
  world.ask(Verb::cancel, {other});
  world.exits(a, 1);
  world.ask(Verb::resume, {a});
  EXPECT_TRUE(world.runs(a));
  EXPECT_TRUE(world.waits(b));
  EXPECT_TRUE(world.waits(c));
  EXPECT_EQ(world.status(other), TaskStatus::cancelled) << "the user's own wish";
  world.exits(a, 0);
  world.exits(b, 0);
  EXPECT_TRUE(world.runs(c));
}

TEST_F(Graph, PassesACancelledTaskOnToItsOtherFailedPrerequisite) {
  const TaskId a = world.task();
  const TaskId b = world.task();
  const TaskId c = world.task();
  world.edge(a, c);
  world.edge(b, c);
  world.submit();
  world.exits(a, 1);
  world.exits(b, 1);
  EXPECT_EQ(world.state(c).cause_node, Node::of(a));
  world.ask(Verb::resume, {a});
  EXPECT_EQ(world.status(c), TaskStatus::cancelled);
  EXPECT_EQ(world.state(c).cause_node, Node::of(b));
  world.ask(Verb::resume, {b});
  EXPECT_TRUE(world.waits(c));
}

TEST_F(Graph, BringsBackATaskReachedBySeveralWaysOfUnequalLength) {
  const TaskId root = world.task();
  const TaskId direct = world.task();
  const TaskId far = world.task();
  const TaskId further = world.task();
  const TaskId join = world.task();
  world.edge(root, direct);
  world.edge(root, far);
  world.edge(far, further);
  world.edge(direct, join);
  world.edge(further, join);
  world.submit();
  world.exits(root, 1);
  EXPECT_EQ(world.status(join), TaskStatus::cancelled);
  world.ask(Verb::resume, {root});
  EXPECT_TRUE(world.waits(join));
}

TEST_F(Graph, KeepsATaskWaitingThatWasResumedWhileItsPrerequisiteIsFailed) {
  const TaskId a = world.task();
  const TaskId b = world.task();
  world.edge(a, b);
  world.submit();
  world.exits(a, 1);
  world.ask(Verb::resume, {b});
  EXPECT_TRUE(world.waits(b));
  EXPECT_EQ(world.scheduler.explain(b).kind, Reason::Kind::dependency_failed);
  world.ask(Verb::resume, {a});
  world.exits(a, 0);
  EXPECT_TRUE(world.runs(b));
}

TEST_F(Graph, LetsEveryTaskOfAGroupWaitForEveryTaskOfAnother) {
  const GroupId first = world.group();
  const GroupId second = world.group();
  const TaskId a = world.task({.group = first});
  const TaskId b = world.task({.group = first});
  const TaskId c = world.task({.group = second});
  const TaskId d = world.task({.group = second});
  world.edge(first, second);
  world.submit();
  world.exits(a);
  EXPECT_TRUE(world.waits(c) && world.waits(d));
  EXPECT_EQ(world.scheduler.explain(c).nodes, std::vector<Node>{Node::of(first)});
  world.exits(b);
  EXPECT_TRUE(world.runs(c) && world.runs(d));
}

TEST_F(Graph, CancelsAllMembersOfAGroupBecauseOfTheGroupThatFailed) {
  const GroupId first = world.group();
  const GroupId second = world.group();
  const GroupId inner = world.group(second);
  const TaskId a = world.task({.group = first});
  const TaskId b = world.task({.group = first});
  const TaskId c = world.task({.group = second});
  const TaskId d = world.task({.group = inner});
  const TaskId after = world.task();
  world.edge(first, second);
  world.edge(second, after);
  world.submit();
  world.exits(a, 1);
  EXPECT_TRUE(world.waits(c)) << "the group has not ended";
  world.exits(b, 0);
  EXPECT_EQ(world.state(c).cause_node, Node::of(first));
  EXPECT_EQ(world.state(d).cause_node, Node::of(first));
  EXPECT_EQ(world.state(after).cause_node, Node::of(second));
  world.ask(Verb::resume, {a});
  EXPECT_TRUE(world.waits(c) && world.waits(d) && world.waits(after));
  world.exits(a, 0);
  EXPECT_TRUE(world.runs(c) && world.runs(d));
  world.exits(c);
  world.exits(d);
  EXPECT_TRUE(world.runs(after));
}

TEST_F(Graph, BlocksSuccessorsAgainWhenAMemberOfAnEndedGroupIsResumed) {
  const GroupId group = world.group();
  const TaskId a = world.task({.group = group});
  const TaskId big = world.task({.request = whole(1)});
  world.edge(group, big, When::any);
  world.submit();
  world.exits(a, 1);
  EXPECT_EQ(world.scheduler.explain(big).kind, Reason::Kind::devices);
  world.ask(Verb::resume, {a});
  EXPECT_EQ(world.scheduler.explain(big).kind, Reason::Kind::dependencies);
  world.exits(a, 0);
  EXPECT_EQ(world.scheduler.explain(big).kind, Reason::Kind::devices);
}

TEST_F(Graph, EndsAnEmptyGroupAsSoonAsItsPrerequisitesAreSatisfied) {
  const GroupId outer = world.group();
  world.group(outer);
  const TaskId a = world.task();
  const TaskId b = world.task();
  world.edge(a, outer);
  world.edge(outer, b);
  world.submit();
  EXPECT_TRUE(world.waits(b));
  world.exits(a);
  EXPECT_TRUE(world.runs(b));
}

TEST_F(Graph, FailsAnEmptyGroupWithItsPrerequisiteAndRevivesItToo) {
  const GroupId outer = world.group();
  world.group(outer);
  const TaskId a = world.task();
  const TaskId b = world.task();
  world.edge(a, outer);
  world.edge(outer, b);
  world.submit();
  world.exits(a, 1);
  EXPECT_EQ(world.status(b), TaskStatus::cancelled);
  EXPECT_EQ(world.state(b).cause_node, Node::of(outer));
  world.ask(Verb::resume, {a});
  EXPECT_TRUE(world.waits(b));
  world.exits(a, 0);
  EXPECT_TRUE(world.runs(b));
}

TEST_F(Graph, JoinsAHundredTasksToAHundredWithOneEdge) {
  const GroupId first = world.group();
  const GroupId second = world.group();
  std::vector<TaskId> before;
  std::vector<TaskId> after;
  for (int i = 0; i < 100; ++i) {
    before.push_back(world.task({.request = no_device(0), .group = first}));
    after.push_back(world.task({.request = no_device(0), .group = second}));
  }
  world.edge(first, second);
  world.submit();
  for (const TaskId task : before) {
    EXPECT_TRUE(world.waits(after.front()));
    world.exits(task);
  }
  for (const TaskId task : after) {
    EXPECT_TRUE(world.runs(task));
  }
}

TEST_F(Graph, CarriesAFailureDownAChainOfAHundredThousandWithoutRecursion) {
  std::vector<TaskId> chain;
  for (std::size_t i = 0; i < 100000; ++i) {
    chain.push_back(world.task());
    if (i > 0) {
      world.edge(chain[i - 1], chain[i]);
    }
  }
  world.submit();
  world.exits(chain.front(), 1);
  EXPECT_EQ(world.status(chain.back()), TaskStatus::cancelled);
  world.ask(Verb::resume, {chain.front()});
  EXPECT_TRUE(world.waits(chain.back()));
}

TEST_F(Graph, LetsATaskWaitForOneOfAnEarlierSubmissionAndKeepsThatOneInTheCore) {
  const TaskId a = world.task();
  const TaskId ended = world.task();
  world.submit();
  world.ask(Verb::cancel, {keeper});
  world.exits(ended, 1);
  world.effects();
  const TaskId b = world.task();
  const TaskId c = world.task();
  world.edge(a, b);
  world.edge(ended, c, When::fail);
  world.submit();
  EXPECT_TRUE(world.waits(b));
  EXPECT_TRUE(world.runs(c));
  world.exits(a);
  world.exits(c);
  EXPECT_EQ(world.effects(), (Lines{"start 5.1", "start 4.1"}));
  world.exits(b);
  EXPECT_EQ(world.effects(), (Lines{"ended 2", "ended 1"}));
}

TEST_F(Graph, CancelsARequeuedTaskWhosePrerequisiteFailedMeanwhile) {
  const TaskId a = world.task();
  const TaskId b = world.task();
  world.edge(a, b, When::fail);
  world.submit();
  world.exits(a, 1);
  EXPECT_TRUE(world.runs(b));
  world.ask(Verb::resume, {a});
  world.exits(a, 0);
  EXPECT_TRUE(world.runs(b));
  world.exits(b, 100);
  EXPECT_EQ(world.status(b), TaskStatus::cancelled);
  EXPECT_EQ(world.state(b).cause_node, Node::of(a));
}

}  // namespace
}  // namespace cattino::core
