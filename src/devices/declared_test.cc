// Declared devices, and the machine without accelerators.
#include "devices/declared.h"

#include <gtest/gtest.h>

#include "devices/test_machine.h"

namespace cattino::devices {
namespace {

std::vector<core::Device> declared(std::string_view text) {
  Result<std::vector<core::Device>> devices = parse_declared(text);
  EXPECT_TRUE(devices) << text;
  return devices ? *devices : std::vector<core::Device>{};
}

TEST(ParseDeclared, A_count_and_a_size_make_that_many_devices) {
  const auto devices = declared("4x24GiB");
  ASSERT_EQ(devices.size(), 4U);
  EXPECT_EQ(devices[3].index, 3);
  EXPECT_EQ(devices[3].name, "cuda:3");
  EXPECT_EQ(devices[3].visible_id, "3");
  EXPECT_EQ(devices[3].total, Mib{24576});
  EXPECT_EQ(devices[3].kind, core::DeviceKind::accelerator);
  EXPECT_EQ(devices[3].health, core::DeviceHealth::ok);
}

TEST(ParseDeclared, Kinds_of_devices_follow_each_other) {
  const auto devices = declared("2x24GiB, 1x80GiB:a100");
  ASSERT_EQ(devices.size(), 3U);
  EXPECT_EQ(devices[1].model, "");
  EXPECT_EQ(devices[2].index, 2);
  EXPECT_EQ(devices[2].total, Mib{81920});
  EXPECT_EQ(devices[2].model, "a100");
}

TEST(ParseDeclared, A_size_alone_is_one_device_and_a_count_may_take_MiB) {
  EXPECT_EQ(declared("24GiB").size(), 1U);
  EXPECT_EQ(declared("2x20000")[1].total, Mib{20000});
}

TEST(ParseDeclared, None_is_no_device) {
  EXPECT_TRUE(declared("none").empty());
  EXPECT_TRUE(declared("0").empty());
}

TEST(ParseDeclared, What_cannot_be_meant_is_refused_with_what_is_accepted) {
  for (const char* bad :
       {"",
        "4",
        "4x",
        "x24GiB",
        "0x24GiB",
        "-1x24GiB",
        "4x24GiB,",
        "4x24GiB:",
        "four",
        "2000x1GiB",
        "1024x1GiB,1GiB",
        "4x0GiB",
        "4*24GiB"}) {
    const auto devices = parse_declared(bad);
    ASSERT_FALSE(devices) << bad;
    EXPECT_EQ(devices.error().code, ErrorCode::invalid);
    EXPECT_NE(devices.error().hint.find("4x24GiB"), std::string::npos);
  }
}

TEST(DeclaredProbe, Shows_what_was_declared_and_is_not_worth_sampling) {
  Choice choice;
  choice.declared = "4x24GiB";
  choice.cpus = Millicores{8000};
  choice.ram = Mib{64000};
  auto probe = make_probe(choice);
  ASSERT_TRUE(probe);
  const Inventory inventory = (*probe)->observe({});
  EXPECT_EQ(inventory.host.devices.size(), 4U);
  EXPECT_EQ(inventory.host.cpus, Millicores{8000});
  EXPECT_EQ(inventory.host.ram, Mib{64000});
  EXPECT_EQ(inventory.visibility_variable, "CUDA_VISIBLE_DEVICES");
  ASSERT_EQ(inventory.extra_environment.size(), 1U);
  EXPECT_EQ(inventory.extra_environment[0].second, "PCI_BUS_ID");
  EXPECT_FALSE(inventory.sampled);
  EXPECT_EQ(inventory.error, "");
}

TEST(DeclaredProbe, Cores_and_memory_are_the_machines_unless_said) {
  const TestMachine machine;
  Choice choice;
  choice.declared = "1x24GiB";
  choice.system_root = machine.root();
  auto probe = make_probe(choice);
  ASSERT_TRUE(probe);
  const Inventory inventory = (*probe)->observe({});
  EXPECT_EQ(inventory.host.ram, Mib{64000});
  EXPECT_GE(inventory.host.cpus, Millicores{1000});
}

TEST(DeclaredProbe, A_bad_declaration_makes_no_probe) {
  Choice choice;
  choice.declared = "lots";
  const auto probe = make_probe(choice);
  ASSERT_FALSE(probe);
  EXPECT_EQ(probe.error().field, "devices");
}

TEST(CpuInventory, A_machine_without_accelerators_has_one_device_with_the_hosts_memory) {
  const TestMachine machine;
  Choice choice;
  choice.declared = "none";
  choice.system_root = machine.root();
  auto probe = make_probe(choice);
  ASSERT_TRUE(probe);
  const Inventory inventory = (*probe)->observe({});
  ASSERT_EQ(inventory.host.devices.size(), 1U);
  EXPECT_EQ(inventory.host.devices[0].kind, core::DeviceKind::cpu);
  EXPECT_EQ(inventory.host.devices[0].name, "cpu:0");
  EXPECT_EQ(inventory.host.devices[0].total, Mib{64000});
  EXPECT_EQ(inventory.visibility_variable, "");
}

}  // namespace
}  // namespace cattino::devices
