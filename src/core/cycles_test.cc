// Cycles are found, named, and not seen where there are none.
#include "core/cycles.h"

#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

using Nodes = std::vector<Node>;

TEST(Cycles, AreNotFoundInADiamond) {
  World world;
  const TaskId a = world.task();
  const TaskId b = world.task();
  const TaskId c = world.task();
  const TaskId d = world.task();
  world.edge(a, b);
  world.edge(a, c);
  world.edge(b, d);
  world.edge(c, d);
  EXPECT_TRUE(find_cycles(world.draft, 8).empty());
}

TEST(Cycles, AreReportedWithTheNodesAroundThem) {
  World world;
  const TaskId a = world.task();
  const TaskId b = world.task();
  const TaskId c = world.task();
  world.edge(a, b);
  world.edge(b, c);
  world.edge(c, b);
  const std::vector<Nodes> cycles = find_cycles(world.draft, 8);
  ASSERT_EQ(cycles.size(), 1U);
  EXPECT_EQ(cycles[0], (Nodes{Node::of(b), Node::of(c)}));
}

TEST(Cycles, MayBeOneTaskThatWaitsForItself) {
  World world;
  const TaskId a = world.task();
  world.edge(a, a);
  const std::vector<Nodes> cycles = find_cycles(world.draft, 8);
  ASSERT_EQ(cycles.size(), 1U);
  EXPECT_EQ(cycles[0], Nodes{Node::of(a)});
}

TEST(Cycles, GoThroughAGroupAndItsOwnMember) {
  for (const bool member_first : {true, false}) {
    World world;
    const GroupId group = world.group();
    const TaskId member = world.task({.group = group});
    if (member_first) {
      world.edge(member, group);
    } else {
      world.edge(group, member);
    }
    const std::vector<Nodes> cycles = find_cycles(world.draft, 8);
    ASSERT_EQ(cycles.size(), 1U);
    EXPECT_EQ(cycles[0].size(), 2U);
  }
}

TEST(Cycles, GoThroughMembersOfTwoGroupsThatWaitForEachOther) {
  World world;
  const GroupId first = world.group();
  const GroupId second = world.group();
  const TaskId a = world.task({.group = first});
  world.task({.group = second});
  world.edge(first, second);
  world.edge(second, a);
  EXPECT_EQ(find_cycles(world.draft, 8).size(), 1U);
}

TEST(Cycles, OfEmptyGroupsAreCyclesToo) {
  World world;
  const GroupId first = world.group();
  const GroupId second = world.group();
  world.edge(first, second);
  world.edge(second, first);
  const std::vector<Nodes> cycles = find_cycles(world.draft, 8);
  ASSERT_EQ(cycles.size(), 1U);
  EXPECT_EQ(cycles[0], (Nodes{Node::of(first), Node::of(second)}));
}

TEST(Cycles, AreNotSeenBetweenMembersOfOneGroup) {
  World world;
  const GroupId outer = world.group();
  const GroupId inner = world.group(outer);
  const TaskId a = world.task({.group = outer});
  const TaskId b = world.task({.group = inner});
  world.edge(a, inner);
  world.edge(a, b);
  EXPECT_TRUE(find_cycles(world.draft, 8).empty());
}

TEST(Cycles, AreFoundAtTheEndOfALongChainWithoutRecursion) {
  World world;
  std::vector<TaskId> chain;
  for (int i = 0; i < 20000; ++i) {
    chain.push_back(world.task());
    if (i > 0) {
      world.edge(chain[static_cast<std::size_t>(i) - 1], chain.back());
    }
  }
  EXPECT_TRUE(find_cycles(world.draft, 8).empty());
  world.edge(chain.back(), chain.front());
  const std::vector<Nodes> cycles = find_cycles(world.draft, 8);
  ASSERT_EQ(cycles.size(), 1U);
  EXPECT_EQ(cycles[0].size(), chain.size());
}

TEST(Check, NamesTheFirstTaskOfEachImpossibleRequest) {
  World world;
  world.observe(box({24000}));
  world.task();
  const TaskId big = world.task({.request = whole(2)});
  world.task({.request = whole(2)});
  const TaskId large = world.task({.request = memory(25000)});
  const std::vector<Problem> problems = world.scheduler.check(world.draft);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].node, Node::of(big));
  EXPECT_EQ(problems[1].node, Node::of(large));
}

}  // namespace
}  // namespace cattino::core
