// Whose memory a device's memory is.
#include "devices/accounting.h"

#include <map>

#include <gtest/gtest.h>

#include "devices/test_machine.h"

namespace cattino::devices {
namespace {

/// A device of 24 GiB; pids 1xx belong to attempt 1, 2xx to attempt 2, all others to nobody.
struct Scene {
  std::map<std::uint64_t, std::int64_t> claims;
  std::vector<ProcessUse> processes;

  core::Device seen(std::int64_t used) const {
    const TestMachine machine;
    machine.write("/proc/4711/comm", "python\n");
    Attribution attribution;
    attribution.attempt_of = [](std::int64_t pid) {
      return pid >= 100 && pid < 300 ? static_cast<std::uint64_t>(pid / 100) : 0;
    };
    attribution.claim_of = [&](std::uint64_t attempt, std::uint16_t) {
      return Mib{claims.at(attempt)};
    };
    core::Device device;
    device.total = {24576};
    account(device, {Mib{used}, processes}, attribution, machine.root());
    return device;
  }
};

TEST(Accounting, What_a_task_uses_of_its_claim_is_not_others) {
  const Scene scene{{{1, 10000}}, {{101, 0, {3000}}, {102, 0, {4000}}}};
  const core::Device device = scene.seen(7000);
  EXPECT_EQ(device.used_by_others, Mib{0});
  EXPECT_FALSE(device.strangers);
}

TEST(Accounting, Free_is_what_the_driver_reports_less_claims_not_yet_used) {
  const Scene scene{{{1, 10000}}, {{101, 0, {4000}}}};
  const core::Device device = scene.seen(4500);  // 500 MiB the driver's own
  const std::int64_t free = device.total.value - 10000 - device.used_by_others.value;
  EXPECT_EQ(free, (24576 - 4500) - (10000 - 4000));
}

TEST(Accounting, What_a_task_uses_beyond_its_claim_is_others) {
  const Scene scene{{{1, 1000}}, {{101, 0, {3000}}}};
  EXPECT_EQ(scene.seen(3000).used_by_others, Mib{2000});
}

TEST(Accounting, A_stranger_makes_the_device_busy_and_is_named) {
  const Scene scene{{}, {{4711, 0, {3100}}}};
  const core::Device device = scene.seen(3100);
  EXPECT_EQ(device.used_by_others, Mib{3100});
  EXPECT_TRUE(device.strangers);
  EXPECT_EQ(device.note, "pid 4711 (python)");
}

TEST(Accounting, Many_strangers_are_named_by_the_first_three) {
  const Scene scene{{}, {{4, 0, {1}}, {5, 0, {1}}, {6, 0, {1}}, {7, 0, {1}}, {8, 0, {1}}}};
  EXPECT_EQ(scene.seen(5).note, "pid 4, pid 5, pid 6 and 2 more");
}

TEST(Accounting, A_process_that_only_draws_takes_memory_and_never_makes_a_device_busy) {
  const Scene scene{{}, {{4711, 0, {300}, true}}};
  const core::Device device = scene.seen(300);
  EXPECT_EQ(device.used_by_others, Mib{300});
  EXPECT_FALSE(device.strangers);
  EXPECT_EQ(device.note, "");
}

TEST(Accounting, A_task_of_unknown_use_is_taken_to_use_its_claim) {
  const Scene scene{{{1, 10000}}, {{101, 0, unknown_use}}};
  EXPECT_EQ(scene.seen(8000).used_by_others, Mib{0});
  EXPECT_EQ(scene.seen(12000).used_by_others, Mib{2000});
}

TEST(Accounting, A_task_of_unknown_use_hides_no_stranger) {
  const Scene scene{{{1, 10000}}, {{101, 0, unknown_use}, {4711, 0, {6000}}}};
  EXPECT_EQ(scene.seen(8000).used_by_others, Mib{6000});
}

TEST(Accounting, Without_attribution_everybody_is_a_stranger) {
  core::Device device;
  const std::vector<ProcessUse> processes = {{101, 0, {5}}};
  account(device, {Mib{5}, processes}, {}, "");
  EXPECT_TRUE(device.strangers);
  EXPECT_EQ(device.used_by_others, Mib{5});
}

}  // namespace
}  // namespace cattino::devices
