// Devices that are near each other.
#include "core/topology.h"

#include <gtest/gtest.h>

#include "core/pool.h"
#include "core/test_world.h"

namespace cattino::core {
namespace {

using Devices = std::vector<std::uint16_t>;

/// Devices of one island are near each other, others are far.
Host islands(const std::vector<int>& island_of) {
  Host host = box(std::vector<std::int64_t>(island_of.size(), 24000));
  for (const int a : island_of) {
    for (const int b : island_of) {
      host.distances.push_back(a == b ? 1 : 9);
    }
  }
  return host;
}

TEST(Topology, PutsTheClosestFirstAndKeepsTheRestInOrder) {
  const Host host = islands({0, 1, 0, 1, 1});
  EXPECT_EQ(closest(host, {}, {0, 1, 2, 3, 4}, 3), (Devices{1, 3, 4, 0, 2}));
}

TEST(Topology, LeavesTheRestClosestTogether) {
  const Host host = islands({0, 0, 0, 0, 1, 1});
  EXPECT_EQ(closest(host, {}, {0, 1, 2, 3, 4, 5}, 2), (Devices{4, 5, 0, 1, 2, 3}));
}

TEST(Topology, TakesTheLowestAmongEquals) {
  const Host host = islands({0, 0, 1, 1});
  EXPECT_EQ(closest(host, {}, {0, 1, 2, 3}, 2), (Devices{0, 1, 2, 3}));
}

TEST(Topology, StaysNearWhatIsCertain) {
  const Host host = islands({0, 1, 0, 1});
  EXPECT_EQ(closest(host, {3}, {0, 1, 2}, 1), (Devices{1, 0, 2}));
}

TEST(Topology, TakesAllThereAreIfMoreAreWanted) {
  const Host host = islands({0, 1});
  EXPECT_EQ(closest(host, {}, {1, 0}, 5), (Devices{0, 1}));
}

TEST(Topology, WithoutDistancesIsTheOrderOfDevices) {
  EXPECT_EQ(closest(box({1, 1, 1}), {}, {0, 1, 2}, 2), (Devices{0, 1, 2}));
}

TEST(Topology, KeepsAGangOnOneIsland) {
  World world;
  world.observe(islands({0, 1, 0, 1, 0, 1}));
  const TaskId first = world.task({.request = whole(3)});
  const TaskId second = world.task({.request = whole(3)});
  world.submit();
  EXPECT_EQ(world.state(first).allocation.devices, (Devices{0, 2, 4}));
  EXPECT_EQ(world.state(second).allocation.devices, (Devices{1, 3, 5}));
}

TEST(Topology, DecidesOnlyAmongDevicesThatAreEquallyGood) {
  Pool pool;
  Host host = islands({0, 1, 0, 1});
  pool.observe(host);
  const Allocation in_use = *pool.place(memory(4000));
  pool.take({1}, hold_of(in_use));
  EXPECT_EQ(pool.place(memory(4000, 2))->devices, (Devices{0, 2})) << "0 is in use, 2 is near it";
  EXPECT_EQ(pool.place(no_device())->devices, Devices{});
}

}  // namespace
}  // namespace cattino::core
