// The machine, from a /proc and /sys of our own.
#include "devices/machine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "devices/test_machine.h"

namespace cattino::devices {
namespace {

TEST(Machine, Memory_is_the_hosts_and_there_is_at_least_one_core) {
  const TestMachine machine;
  const Machine found = look_at_machine(machine.root());
  EXPECT_EQ(found.ram, Mib{64000});
  EXPECT_GE(found.cpus, Millicores{1000});
  EXPECT_EQ(available_ram(machine.root()), Mib{32000});
}

TEST(Machine, The_limits_of_every_cgroup_above_us_count) {
  const TestMachine machine;
  machine.write("/proc/self/cgroup", "1:name=systemd:/x\n0::/user/session\n");
  machine.write("/sys/fs/cgroup/user/session/memory.max", "max\n");
  machine.write("/sys/fs/cgroup/user/session/cpu.max", "50000 100000\n");
  machine.write("/sys/fs/cgroup/user/memory.max", "8589934592\n");
  const Machine found = look_at_machine(machine.root());
  EXPECT_EQ(found.ram, Mib{8192});
  EXPECT_EQ(found.cpus, Millicores{500});
}

TEST(Machine, A_cgroup_without_limits_changes_nothing) {
  const TestMachine machine;
  machine.write("/proc/self/cgroup", "0::/\n");
  machine.write("/sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(look_at_machine(machine.root()).ram, Mib{64000});
  EXPECT_GE(look_at_machine(machine.root()).cpus, Millicores{1000});
}

TEST(NvidiaHardware, Is_found_by_vendor_and_class_in_the_order_of_the_bus) {
  const TestMachine machine;
  machine.add_pci("0000:b3:00.0", "0x10de", "0x030200", "nvidia");
  machine.add_pci("0000:17:00.0", "0x10de", "0x030000", "");
  machine.add_pci("0000:17:00.1", "0x10de", "0x040300", "snd_hda_intel");
  machine.add_pci("0000:00:02.0", "0x8086", "0x030000", "i915");
  EXPECT_EQ(
      nvidia_hardware(machine.root()), (std::vector<std::string>{"0000:17:00.0", "0000:b3:00.0"}));
}

TEST(NvidiaHardware, That_other_drivers_serve_is_not_ours) {
  const TestMachine machine;
  machine.add_pci("0000:17:00.0", "0x10de", "0x030000", "nouveau");
  machine.add_pci("0000:18:00.0", "0x10de", "0x030000", "vfio-pci");
  EXPECT_TRUE(nvidia_hardware(machine.root()).empty());
  EXPECT_FALSE(nvidia_driver_loaded(machine.root()));
}

TEST(OwnerOf, Names_the_command_of_a_process_and_whose_it_is) {
  const ProcessOwner self = owner_of("", getpid());
  EXPECT_EQ(self.command, "devices_test");
  EXPECT_TRUE(self.ours);
  EXPECT_EQ(owner_of("/nowhere", 1).command, "");
}

}  // namespace
}  // namespace cattino::devices
