// The words of reasons and problems.
#include "engine/reasons.h"

#include <gtest/gtest.h>

#include "engine/problems.h"

namespace cattino::engine {
namespace {

class Reasons : public ::testing::Test {
 protected:
  Reasons() {
    for (std::uint16_t i = 0; i < 12; ++i) {
      core::Device device;
      device.index = i;
      device.total.value = 24'000;
      device.name = "cuda:" + std::to_string(i);
      devices_.push_back(device);
    }
  }
  std::string text(const core::Reason& reason) {
    Wording wording;
    wording.name = [](core::Node node) {
      return "t" + std::to_string(node.id);
    };
    wording.device = [this](std::uint16_t index) {
      return devices_[index].name;
    };
    wording.look = [this](std::uint16_t index) {
      return &devices_[index];
    };
    wording.state = [this](TaskId) {
      return &ended_;
    };
    wording.members = [](GroupId) {
      return core::Scheduler::Members{4, 2};
    };
    return describe_wait(reason, wording).text;
  }
  static core::Reason shortage(std::uint16_t wanted, std::int64_t mib) {
    core::Reason reason;
    reason.kind = core::Reason::Kind::devices;
    reason.wanted = wanted;
    reason.memory = {MemoryRequest::Kind::mib, mib};
    return reason;
  }
  std::vector<core::Device> devices_;
  core::TaskState ended_;
};

TEST_F(Reasons, Devices_are_told_one_by_one_with_numbers) {
  core::Reason reason = shortage(2, 20'000);
  reason.fitting = 1;
  reason.devices = {
      {0, false, {24'000}, {0}, {TaskId{1}}},
      {1, false, {24'000}, {3'100}, {}},
      {2, true, {}, {}, {}}};
  devices_[1].used_by_others.value = 20'900;
  devices_[1].note = "pid 4711 of another user";
  EXPECT_EQ(
      text(reason),
      "needs 2 devices with 20000 MiB; 1 of 3 fits: cuda:0 is held by t1, cuda:1 has 3100 MiB "
      "free, "
      "20900 MiB used by pid 4711 of another user");
}

TEST_F(Reasons, After_eight_devices_the_rest_is_counted) {
  core::Reason reason = shortage(1, 1000);
  for (std::uint16_t i = 0; i < 12; ++i) {
    reason.devices.push_back({i, false, {24'000}, {0}, {TaskId{5}}});
  }
  const std::string words = text(reason);
  EXPECT_NE(words.find("cuda:7 is held by t5 and 4 more"), std::string::npos) << words;
}

TEST_F(Reasons, A_broken_driver_is_quoted) {
  core::Reason reason = shortage(1, 1000);
  reason.devices = {{0, false, {24'000}, {24'000}, {}}};
  devices_[0].health = core::DeviceHealth::unknown;
  devices_[0].note = "driver/library version mismatch";
  EXPECT_NE(
      text(reason).find("cuda:0 does not answer (driver/library version mismatch)"),
      std::string::npos);
}

TEST_F(Reasons, Cores_and_memory_are_set_side_by_side) {
  core::Reason reason;
  reason.kind = core::Reason::Kind::cpus;
  reason.wanted_cpus.value = 4000;
  reason.free_cpus.value = 1500;
  EXPECT_EQ(text(reason), "needs 4 cores; 1.5 are free");
  reason.wanted_cpus.value = 1000;
  reason.free_cpus.value = 0;
  EXPECT_EQ(text(reason), "needs 1 core; none is free");
  reason.wanted_cpus.value = 2000;
  reason.free_cpus.value = 1000;
  EXPECT_EQ(text(reason), "needs 2 cores; 1 is free");
  reason.kind = core::Reason::Kind::ram;
  reason.wanted_ram.value = 9000;
  reason.free_ram.value = 100;
  EXPECT_EQ(text(reason), "needs 9000 MiB of host memory; 100 MiB are free");
}

TEST_F(Reasons, A_group_that_is_waited_for_tells_how_far_it_is) {
  core::Reason reason;
  reason.kind = core::Reason::Kind::dependencies;
  reason.nodes = {core::Node::of(TaskId{1}), core::Node::of(GroupId{2})};
  reason.count = 3;
  EXPECT_EQ(text(reason), "waits for t1, t2 (2 of 4 ended) and 1 more");
}

TEST_F(Reasons, A_prerequisite_that_failed_is_named_with_its_status) {
  core::Reason reason;
  reason.kind = core::Reason::Kind::dependency_failed;
  reason.nodes = {core::Node::of(TaskId{1})};
  reason.count = 1;
  ended_.status = core::TaskStatus::failed;
  ended_.last_exit = ExitStatus::of_code(3);
  EXPECT_EQ(
      text(reason), "dependency t1 failed with exit status 3; it can run once that is resumed");
}

Error error_of(const core::Problem& problem, std::int64_t asked_mib) {
  const auto name = [](core::Node) {
    return std::string("train");
  };
  const auto memory = [asked_mib](core::Node) {
    return MemoryRequest{MemoryRequest::Kind::mib, asked_mib};
  };
  return problem_error(problem, {name, memory, TaskId{10}, true});
}

TEST(Problems, Memory_that_no_device_has_is_told_with_what_was_asked_for_and_the_largest) {
  core::Problem problem;
  problem.kind = core::Problem::Kind::infeasible_devices;
  problem.node = core::Node::of(TaskId{13});
  problem.wanted = 2;
  problem.most = 1;
  problem.of = 4;
  problem.largest.value = 24'000;
  Error error = error_of(problem, 30'720);
  EXPECT_EQ(error.field, "tasks[3].request.memory");
  EXPECT_EQ(
      error.message,
      "train asks for 2 devices with 30720 MiB each; 3 of 4 devices have less, the largest has "
      "24000 "
      "MiB");
  EXPECT_EQ(error.hint, "ask for less memory, or for at most 1 device");
  problem.wanted = 1;
  problem.most = 0;
  error = error_of(problem, 30'720);
  EXPECT_EQ(
      error.message,
      "train asks for 1 device with 30720 MiB; 4 of 4 devices have less, the largest has 24000 "
      "MiB");
  EXPECT_EQ(error.hint, "ask for at most 24000 MiB, or for whole devices");
}

}  // namespace
}  // namespace cattino::engine
