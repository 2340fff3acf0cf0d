// Whether a task can come to its end without the user.
#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

struct Outlook : ::testing::Test {
  World world;
  TaskId keeper;  ///< waits for ever, so that the submission stays in the core

  Outlook() {
    world.observe(box({}));
    keeper = world.task({.request = whole(1)});
  }
  [[nodiscard]] bool can_go_on(TaskId task, std::size_t budget = 100) const {
    return world.scheduler.can_go_on(task, budget);
  }
  void lose(TaskId task) { world.exits(task, ExitStatus::of_lost()); }
};

TEST_F(Outlook, IsGoodForWhatRunsAndForAllThatWaitsForIt) {
  const TaskId a = world.task();
  const TaskId b = world.task();
  const TaskId c = world.task();
  world.edge(a, b);
  world.edge(b, c);
  world.submit();
  EXPECT_TRUE(can_go_on(a));
  EXPECT_TRUE(can_go_on(c));
  world.exits(a);
  EXPECT_FALSE(can_go_on(a)) << "it has ended";
}

TEST_F(Outlook, IsBadDownTheGraphFromALostTaskUntilItIsResumed) {
  const TaskId a = world.task();
  const TaskId b = world.task();
  const TaskId c = world.task();
  world.edge(a, b);
  world.edge(b, c);
  world.submit();
  const std::uint64_t before = world.scheduler.setbacks();
  lose(a);
  EXPECT_GT(world.scheduler.setbacks(), before);
  EXPECT_FALSE(can_go_on(a));
  EXPECT_FALSE(can_go_on(c));
  world.ask(Verb::resume, {a});
  EXPECT_TRUE(can_go_on(c));
}

TEST_F(Outlook, IsBadAfterAGroupOfWhichOneMemberIsLost) {
  const GroupId outer = world.group();
  const GroupId inner = world.group(outer);
  world.task({.group = outer});
  const TaskId lost = world.task({.group = inner});
  const TaskId next = world.task();
  world.edge(outer, next);
  world.submit();
  EXPECT_TRUE(can_go_on(next));
  lose(lost);
  EXPECT_FALSE(can_go_on(next));
}

TEST_F(Outlook, IsBadInsideAGroupThatWaitsForALostTask) {
  const TaskId lost = world.task();
  const GroupId group = world.group();
  const TaskId member = world.task({.group = group});
  world.edge(lost, group);
  world.submit();
  lose(lost);
  EXPECT_FALSE(can_go_on(member));
}

TEST_F(Outlook, IsBadForWhatIsKeptWaitingForAFailedTask) {
  const TaskId failed = world.task();
  const TaskId kept = world.task({.cascade = false});
  const TaskId next = world.task();
  world.edge(failed, kept);
  world.edge(kept, next);
  world.submit();
  const std::uint64_t before = world.scheduler.setbacks();
  world.exits(failed, 1);
  EXPECT_GT(world.scheduler.setbacks(), before);
  EXPECT_FALSE(can_go_on(kept));
  EXPECT_FALSE(can_go_on(next));
}

TEST_F(Outlook, IsTakenForGoodWhenTheBudgetRunsOut) {
  const TaskId lost = world.task();
  TaskId last = lost;
  for (int i = 0; i < 10; ++i) {
    const TaskId next = world.task();
    world.edge(last, next);
    last = next;
  }
  world.submit();
  lose(lost);
  EXPECT_FALSE(can_go_on(last, 100));
  EXPECT_TRUE(can_go_on(last, 5));
}

TEST_F(Outlook, MembersThatEndedAreCounted) {
  const GroupId group = world.group();
  const TaskId a = world.task({.group = group});
  world.task({.group = group});
  world.submit();
  world.exits(a);
  const Scheduler::Members members = world.scheduler.members(group);
  EXPECT_EQ(members.all, 2U);
  EXPECT_EQ(members.ended, 1U);
}

}  // namespace
}  // namespace cattino::core
