// Where requests fit, and what attempts hold.
#include "core/pool.h"

#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

using Indices = std::vector<std::uint16_t>;

Indices placed(const Pool& pool, const Request& request) {
  const std::optional<Allocation> allocation = pool.place(request);
  return allocation.has_value() ? allocation->devices : Indices{};
}

void take(Pool& pool, std::uint64_t task, const Request& request) {
  const std::optional<Allocation> allocation = pool.place(request);
  ASSERT_TRUE(allocation.has_value());
  pool.take({task}, hold_of(*allocation));
}

TEST(Pool, GivesAWholeAcceleratorToOneTaskOnly) {
  Pool pool;
  pool.observe(box({24000}));
  take(pool, 1, whole(1));
  EXPECT_FALSE(pool.place(whole(1)).has_value());
  EXPECT_FALSE(pool.place(memory(1)).has_value());
}

TEST(Pool, SharesAnAcceleratorUpToItsMemory) {
  Pool pool;
  pool.observe(box({24000}));
  take(pool, 1, memory(10000));
  take(pool, 2, memory(10000));
  EXPECT_FALSE(pool.place(memory(10000)).has_value());
  EXPECT_FALSE(pool.place(whole(1)).has_value());
  take(pool, 3, memory(4000));
  EXPECT_FALSE(pool.place(memory(1)).has_value());
}

TEST(Pool, PutsAGangOnOneHostOrNowhere) {
  Pool pool;
  pool.observe(box({24000}, 8, 0));
  pool.observe(box({24000}, 8, 1));
  EXPECT_FALSE(pool.place(whole(2)).has_value());
  pool.observe(box({24000, 24000}, 8, 2));
  const std::optional<Allocation> allocation = pool.place(whole(2));
  ASSERT_TRUE(allocation.has_value());
  EXPECT_EQ(allocation->host, 2U);
  EXPECT_EQ(allocation->devices, (Indices{0, 1}));
}

TEST(Pool, PrefersASharedDeviceToAnIdleOneEvenIfTheIdleOneFitsTighter) {
  Pool pool;
  pool.observe(box({80000, 6000}));
  Allocation held = *pool.place(memory(70000));
  pool.take({1}, hold_of(held));
  ASSERT_EQ(held.devices, Indices{0});
  EXPECT_EQ(placed(pool, memory(5000)), Indices{0});
}

TEST(Pool, LeavesTheLeastMemoryOver) {
  Pool pool;
  pool.observe(box({80000, 24000, 40000}));
  EXPECT_EQ(placed(pool, memory(20000)), Indices{1});
  EXPECT_EQ(placed(pool, memory(30000)), Indices{2});
  EXPECT_EQ(placed(pool, whole(2)), (Indices{1, 2}));
}

TEST(Pool, TakesTheLowestIndexAmongEquals) {
  Pool pool;
  pool.observe(box({24000, 24000, 24000}));
  EXPECT_EQ(placed(pool, whole(1)), Indices{0});
  take(pool, 1, whole(1));
  EXPECT_EQ(placed(pool, memory(100)), Indices{1});
}

TEST(Pool, ChoosesTheHostThatKeepsMoreIdleDevicesTogether) {
  Pool pool;
  pool.observe(box({24000, 24000, 24000}, 8, 0));
  pool.observe(box({24000, 24000}, 8, 1));
  EXPECT_EQ(pool.place(whole(1))->host, 1U);
  EXPECT_EQ(pool.place(whole(2))->host, 1U);
}

TEST(Pool, GivesNothingOnADeviceThatIsNotWell) {
  for (const DeviceHealth health :
       {DeviceHealth::unknown, DeviceHealth::lost, DeviceHealth::drained}) {
    Pool pool;
    Host host = box({24000});
    host.devices[0].health = health;
    pool.observe(host);
    EXPECT_FALSE(pool.place(whole(1)).has_value());
    EXPECT_FALSE(pool.place(memory(1)).has_value());
    EXPECT_TRUE(pool.place(no_device()).has_value());
    EXPECT_FALSE(pool.infeasible(whole(1)).has_value()) << "it is checked as if it were well";
  }
}

TEST(Pool, CountsStrangersMemoryAsUsedAndKeepsWholeTasksAway) {
  Pool pool;
  Host host = box({24000});
  host.devices[0].strangers = true;
  host.devices[0].used_by_others = {20000};
  pool.observe(host);
  EXPECT_FALSE(pool.place(whole(1)).has_value());
  EXPECT_FALSE(pool.place(memory(4001)).has_value());
  EXPECT_TRUE(pool.place(memory(4000)).has_value());
}

TEST(Pool, LetsADesktopDrawOnADeviceAskedForWhole) {
  Pool pool;
  Host host = box({24000});
  host.devices[0].used_by_others = {300};
  pool.observe(host);
  EXPECT_TRUE(pool.place(whole(1)).has_value());
  EXPECT_FALSE(pool.place(share(1000000)).has_value());
}

TEST(Pool, FitsTwoHalvesOfAnOddTotal) {
  Pool pool;
  pool.observe(box({24001}));
  take(pool, 1, share(500000));
  take(pool, 2, share(500000));
}

TEST(Pool, AsksNoCoreForATaskOnAnAcceleratorAndOneForAnyOther) {
  Pool pool;
  pool.observe(box({24000}, 1));
  take(pool, 1, no_device());
  EXPECT_FALSE(pool.place(no_device()).has_value());
  EXPECT_EQ(pool.place(whole(1))->cpus.value, 0);
}

TEST(Pool, SharesTheCpuDeviceAndItsMemoryIsTheHosts) {
  Pool pool;
  pool.observe(cpu_box(16000));
  take(pool, 1, whole(1));
  EXPECT_EQ(pool.use_of(0)->devices[0].claimed.value, 0);
  EXPECT_EQ(pool.use_of(0)->cpus.value, 1000) << "it holds no accelerator";
  take(pool, 2, memory(10000));
  EXPECT_FALSE(pool.place(memory(7000)).has_value());
  EXPECT_FALSE(pool.place(no_device(0, 7000)).has_value()) << "memory and ram are one pool";
  take(pool, 3, no_device(0, 5000));
  EXPECT_FALSE(pool.place(memory(1001)).has_value());
  EXPECT_TRUE(pool.place(memory(1000)).has_value());
}

TEST(Pool, AddsWhatOneTaskAsksOfTheCpuDeviceAndOfRam) {
  Pool pool;
  pool.observe(cpu_box(16000));
  Request both = memory(10000);
  both.ram = {7000};
  EXPECT_FALSE(pool.place(both).has_value());
  ASSERT_TRUE(pool.infeasible(both).has_value());
  EXPECT_EQ(pool.infeasible(both)->kind, Problem::Kind::infeasible_ram);
  both.ram = {6000};
  EXPECT_TRUE(pool.place(both).has_value());
}

TEST(Pool, NeverHandsOutTheCpuDeviceOfAHostWithAccelerators) {
  Pool pool;
  Host host = box({24000});
  host.devices.push_back(accelerator(1, 64000));
  host.devices[1].kind = DeviceKind::cpu;
  pool.observe(host);
  take(pool, 1, whole(1));
  EXPECT_FALSE(pool.place(memory(10)).has_value());
}

TEST(Pool, SaysByHowMuchARequestIsInfeasible) {
  Pool pool;
  EXPECT_EQ(pool.infeasible(no_device())->kind, Problem::Kind::no_host);
  pool.observe(box({24000, 48000}, 8));
  const std::optional<Problem> devices = pool.infeasible(memory(30000, 2));
  ASSERT_TRUE(devices.has_value());
  EXPECT_EQ(devices->kind, Problem::Kind::infeasible_devices);
  EXPECT_EQ(devices->wanted, 2);
  EXPECT_EQ(devices->most, 1);
  EXPECT_EQ(devices->of, 2);
  EXPECT_EQ(devices->largest.value, 48000);
  const std::optional<Problem> cpus = pool.infeasible(no_device(9000));
  ASSERT_TRUE(cpus.has_value());
  EXPECT_EQ(cpus->kind, Problem::Kind::infeasible_cpus);
  EXPECT_EQ(cpus->most_cpus.value, 8000);
  const std::optional<Problem> ram = pool.infeasible(no_device(0, 1000000));
  ASSERT_TRUE(ram.has_value());
  EXPECT_EQ(ram->kind, Problem::Kind::infeasible_ram);
  EXPECT_EQ(ram->most_ram.value, 256 * 1024);
}

TEST(Pool, KeepsClaimsOfAHostThatIsObservedLater) {
  Pool pool;
  Allocation held;
  held.host = 3;
  held.devices = {1};
  held.mib = {Mib{24000}};
  held.whole = true;
  pool.take({7}, hold_of(held));
  pool.observe(box({24000, 24000}, 8, 3));
  EXPECT_EQ(placed(pool, whole(1)), Indices{0});
  EXPECT_FALSE(pool.place(whole(2)).has_value());
  pool.release({7}, hold_of(held));
  EXPECT_TRUE(pool.place(whole(2)).has_value());
}

TEST(Pool, NamesTheHoldersOfEachDevice) {
  Pool pool;
  pool.observe(box({24000, 24000}));
  take(pool, 4, memory(10000));
  take(pool, 2, memory(10000));
  const Reason reason = pool.explain(whole(2));
  EXPECT_EQ(reason.kind, Reason::Kind::devices);
  EXPECT_EQ(reason.wanted, 2);
  EXPECT_EQ(reason.fitting, 1);
  ASSERT_EQ(reason.devices.size(), 2U);
  EXPECT_EQ(reason.devices[0].holders, (std::vector<TaskId>{{2}, {4}}));
  EXPECT_EQ(reason.devices[0].free.value, 4000);
  EXPECT_FALSE(reason.devices[0].fits);
  EXPECT_TRUE(reason.devices[1].fits);
}

}  // namespace
}  // namespace cattino::core
