// The order of the critical path.
#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

const Policy by_path{.order = Order::critical_path};

/// Order of starts with one core, each task ending before the next begins.
std::vector<std::uint64_t> order_of(World& world, std::size_t count) {
  std::vector<std::uint64_t> order;
  std::vector<TaskId> all;
  for (std::uint64_t id = 1; id <= count; ++id) {
    all.push_back({id});
  }
  world.observe(box({}, 1));
  while (order.size() < count) {
    for (const TaskId id : all) {
      const TaskState* state = world.scheduler.state(id);
      if (state != nullptr && state->status == TaskStatus::running) {
        order.push_back(id.value);
        world.exits(id);
        break;
      }
    }
  }
  return order;
}

TEST(CriticalPath, TheLongerWayToTheEndComesFirst) {
  World world{by_path};
  const TaskId alone = world.task({.expected = Duration::seconds(9)});
  const TaskId first = world.task({.expected = Duration::seconds(4)});
  const TaskId then = world.task({.expected = Duration::seconds(6)});
  world.edge(first, then);
  world.submit();
  EXPECT_EQ(order_of(world, 3), (std::vector<std::uint64_t>{first.value, alone.value, then.value}));
}

TEST(CriticalPath, PriorityComesBeforeIt) {
  World world{by_path};
  const TaskId longer = world.task({.expected = Duration::seconds(9)});
  const TaskId urgent = world.task({.priority = 1, .expected = Duration::seconds(1)});
  world.submit();
  EXPECT_EQ(order_of(world, 2), (std::vector<std::uint64_t>{urgent.value, longer.value}));
}

TEST(CriticalPath, WithoutExpectationsTheMostTasksCount) {
  World world{by_path};
  const TaskId alone = world.task();
  const TaskId first = world.task();
  const TaskId second = world.task();
  const TaskId third = world.task();
  world.edge(first, second);
  world.edge(second, third);
  world.submit();
  EXPECT_EQ(
      order_of(world, 4),
      (std::vector<std::uint64_t>{first.value, second.value, alone.value, third.value}));
}

TEST(CriticalPath, GoesThroughGroups) {
  World world{by_path};
  const GroupId early = world.group();
  const GroupId inner = world.group(early);
  const GroupId late = world.group();
  const TaskId alone = world.task({.expected = Duration::seconds(8)});
  const TaskId before = world.task({.group = inner, .expected = Duration::seconds(1)});
  const TaskId after = world.task({.group = late, .expected = Duration::seconds(9)});
  world.edge(early, late);
  world.submit();
  EXPECT_EQ(
      order_of(world, 3), (std::vector<std::uint64_t>{before.value, after.value, alone.value}));
}

TEST(CriticalPath, ALongChainCostsNoStack) {
  World world{by_path};
  TaskId last = world.task();
  for (int i = 0; i < 20000; ++i) {
    const TaskId next = world.task();
    world.edge(last, next);
    last = next;
  }
  world.submit();
  EXPECT_TRUE(world.waits(last));
}

}  // namespace
}  // namespace cattino::core
