// The words of reasons and problems.
#include "engine/reasons.h"

#include <map>
#include <optional>
#include <utility>

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
  ReasonView view(const core::Reason& reason) {
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
    wording.state = [this](TaskId id) {
      return &states_[id.value];
    };
    wording.members = [](GroupId) {
      return core::Scheduler::Members{4, 2};
    };
    wording.reserved = [this](TaskId) {
      return reserved_;
    };
    wording.holders = [this](const core::Reason&) {
      return holders_;
    };
    wording.host = &host_;
    wording.terms = &terms_;
    wording.self = &states_[0];
    wording.now = now;
    return describe_wait(reason, wording);
  }
  std::string text(const core::Reason& reason) { return view(reason).text; }
  static core::Reason of(core::Reason::Kind kind, std::vector<core::Node> nodes = {}) {
    core::Reason reason;
    reason.kind = kind;
    reason.count = nodes.size();
    reason.nodes = std::move(nodes);
    return reason;
  }
  static core::Node task(std::uint64_t id) { return core::Node::of(TaskId{id}); }
  static core::Reason shortage(std::uint16_t wanted, std::int64_t mib) {
    core::Reason reason;
    reason.kind = core::Reason::Kind::devices;
    reason.wanted = wanted;
    reason.memory = {MemoryRequest::Kind::mib, mib};
    return reason;
  }
  static constexpr Time now{1'000'000};
  std::vector<core::Device> devices_;
  std::map<std::uint64_t, core::TaskState> states_;  ///< 0: of the task itself
  std::optional<core::Scheduler::Reserved> reserved_;
  std::vector<Holder> holders_;
  core::Host host_;
  core::Terms terms_;
};

TEST_F(Reasons, Devices_are_told_one_by_one_with_numbers) {
  core::Reason reason = shortage(2, 20'000);
  reason.fitting = 1;
  reason.devices = {
      {0, false, {24'000}, {0}, {TaskId{1}}},
      {1, false, {24'000}, {3'100}, {}},
      {2, false, {24'000}, {1'000}, {TaskId{5}}},
      {3, true, {}, {}, {}}};
  devices_[1].used_by_others.value = 20'900;
  devices_[1].note = "pid 4711 of another user";
  EXPECT_EQ(
      text(reason),
      "needs 2 devices with 20000 MiB each; 1 of 4 has that free: cuda:0 is held by t1, "
      "cuda:1 "
      "has 3100 of 24000 MiB free beside pid 4711 of another user (20900 MiB), cuda:2 has 1000 of "
      "24000 MiB free beside t5");
}

TEST_F(Reasons, Devices_of_which_the_same_is_true_are_told_together) {
  core::Reason reason = shortage(4, 0);
  reason.fitting = 1;
  reason.devices = {
      {0, false, {24'000}, {0}, {TaskId{1}}},
      {1, false, {24'000}, {0}, {TaskId{1}}},
      {2, true, {24'000}, {24'000}, {}},
      {3, false, {24'000}, {0}, {TaskId{1}}}};
  EXPECT_EQ(text(reason), "needs 4 whole devices; 1 of 4 is free: cuda:0,1,3 are held by t1");
}

TEST_F(Reasons, A_whole_device_that_a_stranger_uses_is_not_free) {
  core::Reason reason = shortage(1, 0);
  reason.devices = {{0, false, {24'000}, {23'000}, {}}, {1, false, {24'000}, {24'000}, {}}};
  devices_[0].used_by_others.value = 1'000;
  devices_[1].strangers = true;
  EXPECT_EQ(
      text(reason),
      "needs 1 whole device; 0 of 2 are free: cuda:0 is used by other programs (1000 MiB), cuda:1 "
      "is "
      "used by other programs (0 MiB)");
}

TEST_F(Reasons, Only_devices_that_it_is_pinned_to_are_told) {
  core::Reason reason = shortage(1, 0);
  reason.devices = {{0, false, {24'000}, {24'000}, {}}, {1, false, {24'000}, {0}, {TaskId{1}}}};
  terms_.request.pins = {"cuda:1"};
  EXPECT_EQ(
      text(reason),
      "needs 1 whole device of those it is pinned to; 0 of 1 are free: cuda:1 is held by t1");
}

TEST_F(Reasons, After_eight_kinds_of_devices_the_rest_is_counted) {
  core::Reason reason = shortage(1, 1000);
  for (std::uint16_t i = 0; i < 12; ++i) {
    reason.devices.push_back({i, false, {24'000}, {0}, {TaskId{5U + i}}});
  }
  const std::string words = text(reason);
  EXPECT_NE(words.find("cuda:7 is held by t12 and 4 more"), std::string::npos) << words;
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

TEST_F(Reasons, Cores_and_memory_are_set_side_by_side_with_who_holds_them) {
  core::Reason reason = of(core::Reason::Kind::cpus);
  reason.wanted_cpus.value = 4000;
  reason.free_cpus.value = 1500;
  EXPECT_EQ(text(reason), "needs 4 cores; 1.5 are free");
  host_.cpus.value = 4000;
  host_.ram.value = 10'000;
  holders_ = {{TaskId{1}, 2000}, {TaskId{2}, 500}};
  reason.wanted_cpus.value = 1000;
  reason.free_cpus.value = 0;
  EXPECT_EQ(text(reason), "needs 1 core; 0 of 4 are free: t1 holds 2, t2 holds 0.5");
  reason.wanted_cpus.value = 2000;
  reason.free_cpus.value = 1000;
  holders_ = {5, Holder{TaskId{1}, 1000}};
  EXPECT_EQ(
      text(reason),
      "needs 2 cores; 1 of 4 is free: t1 holds 1, t1 holds 1, t1 holds 1, t1 holds 1 and 1 more");
  reason.kind = core::Reason::Kind::ram;
  reason.wanted_ram.value = 9000;
  reason.free_ram.value = 100;
  holders_ = {{TaskId{1}, 9900}};
  EXPECT_EQ(
      text(reason), "needs 9000 MiB of host memory; 100 of 10000 MiB are free: t1 holds 9900 MiB");
  EXPECT_EQ(view(reason).names, std::vector<std::string>{"t1"});
}

TEST_F(Reasons, Counters_too) {
  core::Reason reason = of(core::Reason::Kind::counters);
  reason.counter = "licence";
  reason.wanted_count = 2;
  reason.free_count = 1;
  holders_ = {{TaskId{1}, 3}};
  EXPECT_EQ(text(reason), "needs 2 of licence; 1 of 4 is free: t1 holds 3");
}

TEST_F(Reasons, A_group_that_is_waited_for_tells_how_far_it_is) {
  core::Reason reason;
  reason.kind = core::Reason::Kind::dependencies;
  reason.nodes = {core::Node::of(TaskId{1}), core::Node::of(GroupId{2})};
  reason.count = 3;
  EXPECT_EQ(text(reason), "waits for t1, t2 (2 of 4 ended) and 1 more");
}

TEST_F(Reasons, A_prerequisite_that_failed_is_named_with_its_status) {
  const core::Reason reason = of(core::Reason::Kind::dependency_failed, {task(1)});
  states_[1].status = core::TaskStatus::failed;
  states_[1].last_exit = ExitStatus::of_code(3);
  const ReasonView shown = view(reason);
  EXPECT_EQ(shown.text, "dependency t1 failed with exit status 3; it can run once that is resumed");
  EXPECT_EQ(shown.resume, "t1");
}

TEST_F(Reasons, Of_prerequisites_that_were_cancelled_the_one_to_mend_is_told) {
  states_[2].status = core::TaskStatus::cancelled;
  states_[2].cause = core::Cause::dependency;
  states_[2].cause_node = task(1);
  states_[1].status = core::TaskStatus::failed;
  states_[1].last_exit = ExitStatus::of_code(3);
  const ReasonView shown = view(of(core::Reason::Kind::dependency_failed, {task(2)}));
  EXPECT_EQ(
      shown.text,
      "dependency t2 was cancelled, as t1 failed with exit status 3; it can run once that is "
      "resumed");
  EXPECT_EQ(shown.resume, "t1");
}

TEST_F(Reasons, A_prerequisite_that_was_to_fail_and_is_Done_cannot_be_mended) {
  states_[1].status = core::TaskStatus::done;
  const ReasonView shown = view(of(core::Reason::Kind::dependency_failed, {task(1)}));
  EXPECT_EQ(shown.text, "dependency t1 is Done, and was to fail; so it can never run");
  EXPECT_EQ(shown.resume, "");
}

TEST_F(Reasons, A_group_that_did_not_succeed_can_be_resumed) {
  const ReasonView shown =
      view(of(core::Reason::Kind::dependency_failed, {core::Node::of(GroupId{2})}));
  EXPECT_EQ(shown.text, "dependency t2 did not succeed; it can run once that is resumed");
  EXPECT_EQ(shown.resume, "t2");
}

TEST_F(Reasons, Another_attempt_says_which_one_it_is) {
  core::Reason reason = of(core::Reason::Kind::backoff);
  reason.until = now + Duration::seconds(10);
  terms_.retry.retries = 3;
  states_[0].last_exit = ExitStatus::of_code(3);
  states_[0].retries = 1;
  EXPECT_EQ(text(reason), "runs again in 10 s, as retry 1 of 3");
  states_[0].out_of_memory = true;
  EXPECT_EQ(text(reason), "runs again in 10 s, as retry 1 of 3: it ran out of memory");
  states_[0].device_lost = true;
  EXPECT_EQ(text(reason), "runs again in 10 s, as it lost a device");
  states_[0].last_exit = ExitStatus::of_code(100);
  states_[0].requeues = 2;
  EXPECT_EQ(text(reason), "runs again in 10 s, as it asked to: time 2 of at most 10 in a row");
}

TEST_F(Reasons, What_is_kept_for_it_and_when_it_starts_is_told) {
  core::Reason reason = shortage(2, 0);
  reason.devices = {{0, false, {24'000}, {0}, {TaskId{1}}}, {1, true, {24'000}, {24'000}, {}}};
  reason.fitting = 1;
  reason.holding = {0, 1};
  reason.idle = 1;
  const std::string begin = "needs 2 whole devices; 1 of 2 is free: cuda:0 is held by t1. ";
  EXPECT_EQ(text(reason), begin + "cuda:0,1 are kept for it, 1 of them idle");
  reason.start = now + Duration::seconds(300);
  reason.exact = true;
  EXPECT_EQ(
      text(reason),
      begin + "cuda:0,1 are kept for it, 1 of them idle. It starts in 5 m 00 s at the latest");
  reason.holding = {1};
  reason.start = now;
  EXPECT_EQ(text(reason), begin + "cuda:1 is kept for it and idle. It starts any moment");
}

TEST_F(Reasons, Guesses_are_not_told_to_the_second) {
  core::Reason reason = of(core::Reason::Kind::behind, {task(1)});
  const auto in = [&](std::int64_t seconds) {
    reason.start = now + Duration::seconds(seconds);
    return text(reason).substr(std::string("could start, but nothing starts before t1").size());
  };
  EXPECT_EQ(in(5), ", which comes first. It starts in about 6 s, going by past runs");
  EXPECT_EQ(in(700), ", which comes first. It starts in about 12 min, going by past runs");
  EXPECT_EQ(in(7300), ", which comes first. It starts in about 3 h, going by past runs");
  EXPECT_EQ(in(300'000), ", which comes first. It starts in about 4 days, going by past runs");
  EXPECT_EQ(in(0), ", which comes first. It should start any moment, going by past runs");
}

TEST_F(Reasons, What_is_kept_for_another_is_named) {
  core::Reason reason = of(core::Reason::Kind::reserved, {task(1)});
  EXPECT_EQ(
      text(reason),
      "could start, but what is free is kept for t1, which comes first and starts as soon as it "
      "has "
      "all it needs");
  reserved_.emplace();
  reserved_->devices = {0, 1, 2};
  reason.until = now + Duration::seconds(300);
  EXPECT_EQ(
      text(reason),
      "could start, but cuda:0-2 are kept for t1, which comes first and starts in 5 m 00 s at the "
      "latest");
}

TEST_F(Reasons, Obstacles_that_are_no_shortage) {
  using Kind = core::Reason::Kind;
  EXPECT_EQ(text(of(Kind::lost)), "is held, as nobody can know how its last attempt ended");
  EXPECT_EQ(text(of(Kind::held)), "is held until it is resumed");
  EXPECT_EQ(text(of(Kind::paused)), "nothing new starts: the backend is paused");
  EXPECT_EQ(
      text(of(Kind::paused, {core::Node::of(GroupId{1})})),
      "nothing new starts in t1: it is paused");
  EXPECT_EQ(
      text(of(Kind::making_room, {task(1), task(2)})),
      "t1, t2 are being stopped to make room for it");
}

TEST_F(Reasons, Ends_tell_how_often_it_was_tried) {
  const auto name = [](core::Node) {
    return std::string("t");
  };
  core::TaskState state;
  state.retries = 2;
  state.cause = core::Cause::out_of_memory;
  EXPECT_EQ(short_end(state, name), "ran out of memory, also after 2 retries");
  state.cause = core::Cause::exit;
  state.last_exit = ExitStatus::of_code(3);
  EXPECT_EQ(short_end(state, name), "exit status 3, also after 2 retries");
  state.cause = core::Cause::retries_over;
  state.requeues = 10;
  EXPECT_EQ(
      short_end(state, name), "asked to be run again 10 times in a row, and that is the most");
}

Error error_of(const core::Problem& problem, const core::Request& asked) {
  const auto name = [](core::Node) {
    return std::string("train");
  };
  const auto request = [&asked](core::Node) -> const core::Request& {
    return asked;
  };
  return problem_error(problem, {name, request, TaskId{10}, true});
}

TEST(Problems, Memory_that_no_device_has_is_told_with_what_was_asked_for_and_the_largest) {
  core::Problem problem;
  problem.kind = core::Problem::Kind::infeasible_devices;
  problem.node = core::Node::of(TaskId{13});
  problem.wanted = 2;
  problem.most = 1;
  problem.of = 4;
  problem.largest.value = 24'000;
  core::Request asked;
  asked.memory = {MemoryRequest::Kind::mib, 30'720};
  Error error = error_of(problem, asked);
  EXPECT_EQ(error.field, "tasks[3].request.memory");
  EXPECT_EQ(
      error.message,
      "train asks for 2 devices with 30720 MiB each; 3 of 4 devices have less, the largest has "
      "24000 "
      "MiB");
  EXPECT_EQ(error.hint, "ask for less memory, or for at most 1 device");
  problem.wanted = 1;
  problem.most = 0;
  error = error_of(problem, asked);
  EXPECT_EQ(
      error.message,
      "train asks for 1 device with 30720 MiB; 4 of 4 devices have less, the largest has 24000 "
      "MiB");
  EXPECT_EQ(error.hint, "ask for at most 24000 MiB, or for whole devices");
}

TEST(Problems, What_is_asked_for_stands_beside_what_there_is) {
  core::Problem problem;
  problem.node = core::Node::of(TaskId{10});
  core::Request asked;
  asked.cpus.value = 9000;
  asked.ram.value = 70'000;
  asked.counters = {{"licence", 3}};
  problem.kind = core::Problem::Kind::infeasible_cpus;
  problem.most_cpus.value = 8000;
  EXPECT_EQ(error_of(problem, asked).message, "train asks for 9 cores; tasks may use 8 cores");
  problem.kind = core::Problem::Kind::infeasible_ram;
  problem.most_ram.value = 64'000;
  EXPECT_EQ(
      error_of(problem, asked).message,
      "train asks for 70000 MiB of host memory; there are 64000 MiB");
  problem.kind = core::Problem::Kind::infeasible_counters;
  problem.counter = "licence";
  problem.most_count = 2;
  EXPECT_EQ(error_of(problem, asked).message, "train asks for 3 of licence; there are 2");
  EXPECT_EQ(error_of(problem, asked).field, "tasks[0].request.resources.licence");
}

}  // namespace
}  // namespace cattino::engine
