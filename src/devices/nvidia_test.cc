// The hardware probe against a library of NVML's true binary interface.
#include "devices/nvidia.h"

#include <cstdlib>
#include <fstream>
#include <string_view>

#include <gtest/gtest.h>

#include "devices/test_machine.h"

namespace cattino::devices {
namespace {

constexpr std::string_view two_gpus =
    "gpu uuid=GPU-aaaa name=NVIDIA_H100 pci=0000:17:00.0 total=81559 reserved=551 used=0\n"
    "gpu uuid=GPU-bbbb name=NVIDIA_H100 pci=0000:65:00.0 total=81559 reserved=551 used=0\n";

class HardwareProbeTest : public testing::Test {
 protected:
  void SetUp() override {
    machine_.add_pci("0000:17:00.0", "0x10de", "0x030200", "nvidia");
    machine_.add_pci("0000:65:00.0", "0x10de", "0x030200", "nvidia");
    world("");
    setenv("FAKE_NVML_STATE", state_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
  void TearDown() override {
    unsetenv("FAKE_NVML_STATE");  // NOLINT(concurrency-mt-unsafe)
  }

  void world(std::string_view text) const { std::ofstream(state_) << text; }

  std::unique_ptr<Probe> probe(
      const std::string& library = FAKE_NVML, const std::string& visible = "") {
    Choice choice;
    choice.nvml_path = library;
    choice.visible = visible;
    choice.system_root = machine_.root();
    auto made = make_probe(choice);
    EXPECT_TRUE(made);
    return made ? std::move(*made) : nullptr;
  }

  /// Pids below 1000 belong to attempt 1, which claims 20000 MiB of device 0.
  static Attribution attribution() {
    return {
        [](std::int64_t pid) -> std::uint64_t { return pid < 1000 ? 1 : 0; },
        [](std::uint64_t, std::uint16_t device) {
          return Mib{device == 0 ? 20000 : 0};
        }};
  }

  TestMachine machine_;
  std::string state_ = machine_.root() + "/world";
};

using core::DeviceHealth;

TEST_F(HardwareProbeTest, Devices_have_their_names_and_the_memory_that_tasks_can_have) {
  world(two_gpus);
  const Inventory inventory = probe()->observe(attribution());
  ASSERT_EQ(inventory.host.devices.size(), 2U);
  const core::Device& second = inventory.host.devices[1];
  EXPECT_EQ(second.index, 1);
  EXPECT_EQ(second.name, "cuda:1");
  EXPECT_EQ(second.visible_id, "1");
  EXPECT_EQ(second.uuid, "GPU-bbbb");
  EXPECT_EQ(second.model, "NVIDIA H100");
  EXPECT_EQ(second.total, Mib{81559 - 551});
  EXPECT_EQ(second.used_by_others, Mib{0});
  EXPECT_EQ(second.health, DeviceHealth::ok);
  EXPECT_TRUE(inventory.sampled);
  EXPECT_EQ(inventory.visibility_variable, "CUDA_VISIBLE_DEVICES");
  EXPECT_EQ(inventory.error, "");
}

TEST_F(HardwareProbeTest, Tasks_strangers_and_desktops_are_told_apart) {
  world(
      "gpu uuid=GPU-aaaa pci=0000:17:00.0 total=80000 used=15500\n"
      "process 101 C 15000\n"
      "process 5000 G 500\n"
      "gpu uuid=GPU-bbbb pci=0000:65:00.0 total=80000 used=3100\n"
      "process 4711 CG 3100\n");
  const Inventory inventory = probe()->observe(attribution());
  EXPECT_EQ(inventory.host.devices[0].used_by_others, Mib{500});
  EXPECT_FALSE(inventory.host.devices[0].strangers);
  EXPECT_EQ(inventory.host.devices[1].used_by_others, Mib{3100});
  EXPECT_TRUE(inventory.host.devices[1].strangers);
  EXPECT_EQ(inventory.host.devices[1].note, "pid 4711");
}

TEST_F(HardwareProbeTest, Clients_of_the_multi_process_service_compute_too) {
  world("gpu uuid=GPU-aaaa pci=0000:17:00.0 total=80000 used=100\nprocess 4711 M 100\n");
  EXPECT_TRUE(probe()->observe(attribution()).host.devices[0].strangers);
}

TEST_F(HardwareProbeTest, The_world_is_seen_anew_at_each_look) {
  world(two_gpus);
  const auto looking = probe();
  EXPECT_EQ(looking->observe(attribution()).host.devices[0].used_by_others, Mib{0});
  world("gpu uuid=GPU-aaaa pci=0000:17:00.0 total=80000 used=7000\n");
  EXPECT_EQ(looking->observe(attribution()).host.devices[0].used_by_others, Mib{7000});
}

TEST_F(HardwareProbeTest, More_processes_than_there_is_room_for_are_all_seen) {
  std::string text = "gpu uuid=GPU-aaaa pci=0000:17:00.0 total=80000 used=300\n";
  for (int i = 0; i < 300; ++i) {
    text += "process " + std::to_string(2000 + i) + " C 1\n";
  }
  world(text);
  const Inventory inventory = probe()->observe(attribution());
  EXPECT_EQ(inventory.host.devices[0].note, "pid 2000, pid 2001, pid 2002 and 297 more");
}

TEST_F(HardwareProbeTest, Use_that_the_driver_does_not_tell_is_taken_from_the_claim) {
  world("gpu uuid=GPU-aaaa pci=0000:17:00.0 total=80000 used=15000\nprocess 101 C -1\n");
  EXPECT_EQ(probe()->observe(attribution()).host.devices[0].used_by_others, Mib{0});
}

TEST_F(HardwareProbeTest, A_library_that_has_only_the_first_calls_does) {
  world(
      "gpu uuid=GPU-aaaa name=Tesla pci=0000:17:00.0 total=16000 reserved=100 used=4000\n"
      "process 101 C 3000\nprocess 4711 C 1000\n");
  const Inventory inventory = probe(FAKE_NVML_OLD)->observe(attribution());
  ASSERT_EQ(inventory.host.devices.size(), 1U);
  EXPECT_EQ(inventory.host.devices[0].total, Mib{16000});
  EXPECT_EQ(inventory.host.devices[0].used_by_others, Mib{1100});
  EXPECT_EQ(inventory.host.devices[0].note, "pid 4711");
}

TEST_F(HardwareProbeTest, A_lost_device_keeps_its_place_and_the_others_go_by_uuid) {
  world(two_gpus);
  const auto looking = probe();
  looking->observe(attribution());
  world(
      "gpu uuid=GPU-aaaa pci=0000:17:00.0 total=80000 error=15\n"
      "gpu uuid=GPU-bbbb pci=0000:65:00.0 total=80000\n");
  const Inventory inventory = looking->observe(attribution());
  ASSERT_EQ(inventory.host.devices.size(), 2U);
  EXPECT_EQ(inventory.host.devices[0].health, DeviceHealth::lost);
  EXPECT_EQ(inventory.host.devices[0].note, "GPU is lost");
  EXPECT_EQ(inventory.host.devices[1].health, DeviceHealth::ok);
  EXPECT_EQ(inventory.host.devices[1].visible_id, "GPU-bbbb");
}

TEST_F(HardwareProbeTest, A_device_the_driver_forgets_is_lost_and_comes_back_in_its_place) {
  world(two_gpus);
  const auto looking = probe();
  looking->observe(attribution());
  world("gpu uuid=GPU-bbbb pci=0000:65:00.0 total=80000\n");
  const Inventory without = looking->observe(attribution());
  ASSERT_EQ(without.host.devices.size(), 2U);
  EXPECT_EQ(without.host.devices[0].health, DeviceHealth::lost);
  EXPECT_EQ(without.host.devices[1].uuid, "GPU-bbbb");
  EXPECT_EQ(without.host.devices[1].name, "cuda:1");
  world(two_gpus);
  const Inventory again = looking->observe(attribution());
  ASSERT_EQ(again.host.devices.size(), 2U);
  EXPECT_EQ(again.host.devices[0].health, DeviceHealth::ok);
  EXPECT_EQ(again.host.devices[0].note, "");
  EXPECT_EQ(again.host.devices[1].visible_id, "1");
}

TEST_F(HardwareProbeTest, A_driver_that_stops_answering_leaves_the_last_inventory_unknown) {
  world(two_gpus);
  const auto looking = probe();
  looking->observe(attribution());
  world("count_error 999\n");
  const Inventory broken = looking->observe(attribution());
  ASSERT_EQ(broken.host.devices.size(), 2U);
  EXPECT_EQ(broken.host.devices[0].health, DeviceHealth::unknown);
  EXPECT_EQ(broken.host.devices[0].total, Mib{81008});
  EXPECT_EQ(broken.host.devices[0].note, "Unknown Error");
  EXPECT_NE(
      broken.error.find("the NVIDIA driver does not answer: Unknown Error"), std::string::npos);
  world("init 18\n");
  EXPECT_NE(
      looking->observe(attribution()).error.find("Driver/library version mismatch"),
      std::string::npos);
  world(two_gpus);
  const Inventory repaired = looking->observe(attribution());
  EXPECT_EQ(repaired.host.devices[0].health, DeviceHealth::ok);
  EXPECT_EQ(repaired.error, "");
}

TEST_F(HardwareProbeTest, Hardware_with_a_broken_driver_is_not_a_machine_without) {
  world("init 9\n");
  const auto looking = probe();
  const Inventory broken = looking->observe(attribution());
  ASSERT_EQ(broken.host.devices.size(), 2U);
  EXPECT_EQ(broken.host.devices[1].kind, core::DeviceKind::accelerator);
  EXPECT_EQ(broken.host.devices[1].health, DeviceHealth::unknown);
  EXPECT_EQ(broken.host.devices[1].name, "cuda:1");
  EXPECT_NE(broken.error.find("Driver Not Loaded"), std::string::npos);
  EXPECT_TRUE(broken.sampled);
  world(two_gpus);
  const Inventory repaired = looking->observe(attribution());
  ASSERT_EQ(repaired.host.devices.size(), 2U);
  EXPECT_EQ(repaired.host.devices[1].uuid, "GPU-bbbb");
  EXPECT_EQ(repaired.host.devices[1].health, DeviceHealth::ok);
}

TEST_F(HardwareProbeTest, Hardware_without_the_library_is_unknown_too) {
  const Inventory inventory = probe("libno-such-library.so.1")->observe(attribution());
  ASSERT_EQ(inventory.host.devices.size(), 2U);
  EXPECT_EQ(inventory.host.devices[0].health, DeviceHealth::unknown);
  EXPECT_NE(inventory.error.find("libno-such-library.so.1"), std::string::npos);
}

TEST_F(HardwareProbeTest, A_driver_that_sees_nothing_of_the_hardware_is_broken) {
  world("");
  EXPECT_NE(probe()->observe(attribution()).error.find("on the PCI bus"), std::string::npos);
}

TEST_F(HardwareProbeTest, Partitions_of_a_device_are_devices_known_by_uuid) {
  world(
      "gpu uuid=GPU-aaaa name=A100 pci=0000:17:00.0 total=80000 mig=1\n"
      "mig uuid=MIG-1111 name=A100_MIG_3g.40gb total=40000 used=100\n"
      "process 4711 C 100\n"
      "mig uuid=MIG-2222 name=A100_MIG_3g.40gb total=40000 used=0\n"
      "gpu uuid=GPU-bbbb name=A100 pci=0000:65:00.0 total=80000 mig=0\n");
  const Inventory inventory = probe()->observe(attribution());
  ASSERT_EQ(inventory.host.devices.size(), 3U);
  EXPECT_EQ(inventory.host.devices[0].name, "cuda:0:0");
  EXPECT_EQ(inventory.host.devices[0].visible_id, "MIG-1111");
  EXPECT_TRUE(inventory.host.devices[0].strangers);
  EXPECT_EQ(inventory.host.devices[1].name, "cuda:0:1");
  EXPECT_EQ(inventory.host.devices[1].total, Mib{40000});
  EXPECT_FALSE(inventory.host.devices[1].strangers);
  EXPECT_EQ(inventory.host.devices[2].name, "cuda:1");
}

TEST_F(HardwareProbeTest, Memory_shared_with_the_host_is_the_hosts) {
  world("gpu uuid=GPU-aaaa pci=0000:17:00.0 no_memory=1\n");
  const Inventory inventory = probe()->observe(attribution());
  EXPECT_EQ(inventory.host.devices[0].total, Mib{64000});
  EXPECT_EQ(inventory.host.devices[0].used_by_others, Mib{32000});
}

TEST_F(HardwareProbeTest, Only_what_is_visible_is_listed_under_its_own_number) {
  world(two_gpus);
  for (const char* visible : {"1", " 1 ", "GPU-bb", "7,GPU-bbbb"}) {
    const Inventory inventory = probe(FAKE_NVML, visible)->observe(attribution());
    ASSERT_EQ(inventory.host.devices.size(), 1U) << visible;
    EXPECT_EQ(inventory.host.devices[0].index, 0);
    EXPECT_EQ(inventory.host.devices[0].name, "cuda:1");
    EXPECT_EQ(inventory.host.devices[0].visible_id, "1");
  }
}

TEST_F(HardwareProbeTest, With_all_devices_hidden_the_machine_has_none) {
  world(two_gpus);
  const Inventory inventory = probe(FAKE_NVML, "-1")->observe(attribution());
  ASSERT_EQ(inventory.host.devices.size(), 1U);
  EXPECT_EQ(inventory.host.devices[0].kind, core::DeviceKind::cpu);
}

TEST(HardwareProbe, Without_hardware_and_library_the_machine_is_one_cpu_device) {
  const TestMachine machine;
  Choice choice;
  choice.nvml_path = "libno-such-library.so.1";
  choice.system_root = machine.root();
  auto made = make_probe(choice);
  ASSERT_TRUE(made);
  const Inventory inventory = (*made)->observe({});
  ASSERT_EQ(inventory.host.devices.size(), 1U);
  EXPECT_EQ(inventory.host.devices[0].name, "cpu:0");
  EXPECT_EQ(inventory.error, "");
  EXPECT_FALSE(inventory.sampled);
}

}  // namespace
}  // namespace cattino::devices
