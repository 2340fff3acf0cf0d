// One host beside one request, and what is held of it.
#include "core/fit.h"

#include <gtest/gtest.h>

#include "core/pool.h"
#include "core/test_world.h"

namespace cattino::core {
namespace {

using Devices = std::vector<std::uint16_t>;

Device a100() {
  Device device = accelerator(3, 40000);
  device.name = "cuda:3";
  device.uuid = "GPU-6f1c";
  device.model = "NVIDIA A100-SXM4-40GB";
  return device;
}

Request pinned(std::vector<std::string> pins, Request request = whole(1)) {
  request.pins = std::move(pins);
  return request;
}

Request up_to(std::uint16_t most, Request request = whole(1)) {
  request.max_devices = most;
  return request;
}

TEST(Pin, IsANameAnIndexAUuidOrAPartOfAModel) {
  for (const char* const pin : {"cuda:3", "3", "GPU-6f1c", "A100", "a100-sxm4", "nvidia"}) {
    EXPECT_TRUE(is_meant(a100(), pin)) << pin;
  }
  for (const char* const pin : {"cuda:0", "4", "GPU-6f1", "H100", "uda:3"}) {
    EXPECT_FALSE(is_meant(a100(), pin)) << pin;
  }
}

TEST(Pin, ThatIsAnIndexIsNoPartOfAModel) {
  for (const char* const pin : {"0", "1", "100", "4", "40", "03"}) {
    EXPECT_FALSE(is_meant(a100(), pin)) << pin;
  }
  Host host = box({40000, 40000});
  host.devices[0].model = host.devices[1].model = "A100";
  const HostUse nothing;
  EXPECT_EQ(Fit(host, &nothing, pinned({"0"})).fitting(), Devices{0});
  EXPECT_EQ(Fit(host, &nothing, pinned({"1"})).fitting(), Devices{1});
  EXPECT_EQ(Fit(host, &nothing, pinned({"A100"})).fitting(), (Devices{0, 1}));
}

TEST(Pin, KeepsATaskOnItsDevicesAndNoOthers) {
  World world;
  world.observe(box({24000, 24000, 24000}));
  const TaskId first = world.task({.request = pinned({"2", "1"}, whole(2))});
  const TaskId second = world.task({.request = pinned({"1"})});
  const TaskId third = world.task({.request = whole(1)});
  world.submit();
  EXPECT_EQ(world.state(first).allocation.devices, (Devices{1, 2}));
  EXPECT_TRUE(world.waits(second)) << "0 is free, but it is pinned";
  EXPECT_EQ(world.state(third).allocation.devices, Devices{0});
}

TEST(Pin, ThatNoDeviceMeetsIsAProblem) {
  World world;
  world.observe(box({24000, 24000}));
  world.task({.request = pinned({"1"}, whole(2))});
  world.task({.request = pinned({"H100"})});
  const std::vector<Problem> problems = world.scheduler.check(world.draft);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_TRUE(problems[0].pinned);
  EXPECT_EQ(problems[0].most, 1U);
  EXPECT_EQ(problems[1].most, 0U);
}

TEST(MaxDevices, AreTakenAsFarAsTheyAreIdle) {
  World world;
  world.observe(box({24000, 24000, 24000, 24000}));
  const TaskId first = world.task({.request = up_to(3)});
  const TaskId second = world.task({.request = up_to(3)});
  const TaskId third = world.task({.request = up_to(3)});
  world.submit();
  EXPECT_EQ(world.state(first).allocation.devices, (Devices{0, 1, 2}));
  EXPECT_EQ(world.state(second).allocation.devices, Devices{3});
  EXPECT_TRUE(world.waits(third));
}

TEST(MaxDevices, AreNeverSharedOnes) {
  World world;
  world.observe(box({24000, 24000, 24000}));
  world.task({.request = memory(4000)});
  const TaskId wide = world.task({.request = up_to(3, memory(4000))});
  world.submit();
  EXPECT_EQ(world.state(wide).allocation.devices.size(), 3U) << "its first may be shared";
  const TaskId next = world.task({.request = up_to(3, memory(4000))});
  world.submit();
  EXPECT_EQ(world.state(next).allocation.devices.size(), 1U);
}

TEST(MaxDevices, AreNotTakenFromAReservation) {
  World world{Policy{}};
  world.observe(box({24000, 24000, 24000, 24000}));
  world.task({.request = limited(whole(2), Duration::seconds(60))});
  world.task({.request = whole(3)});
  const TaskId wide = world.task({.request = up_to(2)});
  world.submit();
  EXPECT_EQ(world.state(wide).allocation.devices.size(), 1U);
}

TEST(MaxDevices, BelowTheLeastChangeNothing) {
  const Host host = box({24000, 24000, 24000});
  const HostUse nothing;
  EXPECT_EQ(Fit(host, &nothing, up_to(1, whole(2))).allocation().devices, (Devices{0, 1}));
}

TEST(Fit, ClaimsAShareOfEachDeviceButNeverNothing) {
  EXPECT_EQ(claim_on(accelerator(0, 1001), {MemoryRequest::Kind::share, 500000}).value, 500);
  EXPECT_EQ(claim_on(accelerator(0, 10), {MemoryRequest::Kind::share, 1}).value, 1);
  EXPECT_EQ(claim_on(accelerator(0, 10), {MemoryRequest::Kind::share, 2000000}).value, 10);
  EXPECT_EQ(claim_on(accelerator(0, 10), {MemoryRequest::Kind::mib, 0}).value, 10)
      << "unset: whole";
  EXPECT_EQ(claim_on(cpu_box(1000).devices[0], {}).value, 0);
}

TEST(Use, IsTakenAndLetGo) {
  HostUse use;
  Allocation allocation;
  allocation.devices = {0, 2};
  allocation.mib = {{5}, {7}};
  allocation.whole = true;
  allocation.cpus = {1000};
  allocation.ram = {10};
  use.take({2}, allocation);
  Allocation other;
  other.devices = {2};
  use.take({1}, other);
  ASSERT_EQ(use.devices.size(), 3U);
  EXPECT_EQ(use.devices[2].claimed.value, 7);
  EXPECT_TRUE(use.devices[2].whole);
  EXPECT_EQ(use.devices[2].holders, (std::vector<TaskId>{{1}, {2}}));
  EXPECT_EQ(use.cpus.value, 1000);
  use.release({2}, allocation);
  EXPECT_EQ(use.devices[2].claimed.value, 0);
  EXPECT_FALSE(use.devices[2].whole);
  EXPECT_EQ(use.devices[2].holders, std::vector<TaskId>{{1}});
  EXPECT_EQ(use.ram.value, 0);
}

}  // namespace
}  // namespace cattino::core
