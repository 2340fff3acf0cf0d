// Scenario files: reading, playing, comparing.
#include "sim/scenario.h"

#include <gtest/gtest.h>

#include "sim/play.h"

namespace cattino::sim {
namespace {

using Lines = std::vector<std::string>;

std::string error_of(const std::string& text) {
  const Result<Scenario> scenario = parse_scenario("x.scn", text);
  return scenario ? "" : scenario.error().field + ": " + scenario.error().message;
}

Lines played(const std::string& text) {
  const Result<Scenario> scenario = parse_scenario("x.scn", text + "\nexpect\n");
  EXPECT_TRUE(bool(scenario)) << (scenario ? "" : scenario.error().message);
  return scenario ? play(*scenario) : Lines{};
}

TEST(Scenario, NamesTheLineOfWhatIsWrong) {
  EXPECT_EQ(error_of("task a\ntask b ruins 3s\nexpect\n"), "x.scn:2: a task has no 'ruins'");
  EXPECT_EQ(error_of("\n\ntusk a\n"), "x.scn:3: 'tusk' is no statement");
  EXPECT_EQ(error_of("task a\ntask a\nexpect"), "x.scn:2: 'a' is there already");
  EXPECT_EQ(error_of("task a in b\nexpect"), "x.scn:1: nothing is called 'b' above");
  EXPECT_EQ(error_of("task a\ntask b in a\n"), "x.scn:2: 'a' is a task, not a group");
  EXPECT_EQ(error_of("task a\nat 3s drain cuda:0\n"), "x.scn:2: no device is called 'cuda:0'");
  EXPECT_EQ(error_of("task a\nat 3s dance\n"), "x.scn:2: 'dance' is nothing that can be done");
  EXPECT_EQ(error_of("task a\nat 3s pause now\n"), "x.scn:2: nothing is called 'now' above");
  EXPECT_EQ(error_of("task a\n"), "x.scn:1: there is no 'expect'");
}

TEST(Scenario, NamesWhatIsWrongInARequestAPolicyOrTheMachine) {
  EXPECT_EQ(error_of("task a max-devices 70000\n"), "x.scn:1: 70000 is out of range");
  EXPECT_EQ(
      error_of("task a retry-on exit,0\n"),
      "x.scn:1: '0' is no end after which a task can be retried");
  EXPECT_EQ(error_of("task a oom-growth x\n"), "x.scn:1: 'x' is no ratio such as 1.5");
  EXPECT_EQ(error_of("task a pin\n"), "x.scn:1: 'pin' names no device");
  EXPECT_EQ(
      error_of("task a counters licence\n"), "x.scn:1: it is written: counters NAME:NUMBER,…");
  EXPECT_EQ(error_of("counter a 1\ncounter a 2\n"), "x.scn:2: 'a' is there already");
  EXPECT_EQ(error_of("policy backfill no\n"), "x.scn:1: 'no' is neither on nor off");
  EXPECT_EQ(
      error_of("policy order random\n"),
      "x.scn:1: 'random' is no order: submission, critical-path");
  EXPECT_EQ(error_of("policy fair weight 2\n"), "x.scn:1: it is written: weight USER:NUMBER");
  EXPECT_EQ(error_of("policy\n"), "x.scn:1: there is no policy ''");
  const std::string two = "device a 1GiB\ndevice b 1GiB\n";
  EXPECT_EQ(error_of(two + "near a c 1\n"), "x.scn:3: no device of this host is called 'c'");
  EXPECT_EQ(error_of(two + "near a 1\n"), "x.scn:3: it is written: near DEVICE DEVICE… DISTANCE");
  EXPECT_EQ(
      error_of(two + "near a b 1\ndevice c 1GiB\n"),
      "x.scn:4: all devices of a host come before what is said of their distances");
}

TEST(Scenario, ReadsAllThatATaskMayAskFor) {
  const Result<Scenario> read = parse_scenario(
      "x.scn",
      "task a limit 10s max-devices 4 pin x,y counters b:1,a:2 retries 2 retry-on 7,timeout,3 "
      "backoff 2s longest-backoff 9s oom-growth 1.5 not-before 30s held preemptible user 2 "
      "expected 5s exits oom\nexpect\n");
  ASSERT_TRUE(bool(read)) << read.error().message;
  const core::TaskSpec& task = read->batches.at(0).tasks.at(0);
  EXPECT_EQ(task.request.time_limit, Duration::seconds(10));
  EXPECT_EQ(task.request.max_devices, 4);
  EXPECT_EQ(task.request.pins, (Lines{"x", "y"}));
  EXPECT_EQ(task.request.counters, (std::vector<core::CounterAmount>{{"a", 2}, {"b", 1}}));
  core::RetryPolicy retry;
  retry.retries = 2;
  retry.on_code = retry.on_signal = retry.on_oom = false;
  retry.on_timeout = true;
  retry.codes = {3, 7};
  retry.backoff = Duration::seconds(2);
  retry.longest_backoff = Duration::seconds(9);
  retry.oom_growth_ppm = 1500000;
  EXPECT_EQ(task.retry, retry);
  EXPECT_EQ(task.not_before, epoch + Duration::seconds(30));
  EXPECT_TRUE(task.held && task.preemptible);
  EXPECT_EQ(task.user, UserId{2});
  EXPECT_EQ(task.expected, Duration::seconds(5));
  EXPECT_EQ(
      read->tasks.at(task.id).exits, (std::vector<AttemptEnd>{{ExitStatus::of_signal(9), true}}));
}

TEST(Scenario, ReadsPoliciesCountersAndDistances) {
  const Result<Scenario> read = parse_scenario(
      "x.scn",
      "device a 1GiB\ndevice b 1GiB model M\ndevice c 1GiB\nnear a c 2\ncounter licence 3\n"
      "policy reservations 2 reserve-after 0s backfill off\n"
      "policy aging 10s fair half-life 1h weight 2:3 order critical-path\nexpect\n");
  ASSERT_TRUE(bool(read)) << read.error().message;
  EXPECT_EQ(
      read->hosts.at(0).distances, (std::vector<std::uint8_t>{0, 10, 2, 10, 0, 10, 2, 10, 0}));
  EXPECT_EQ(read->hosts.at(0).devices.at(1).model, "M");
  EXPECT_EQ(read->counters, (std::vector<core::CounterAmount>{{"licence", 3}}));
  const core::Policy& policy = read->policy;
  EXPECT_EQ(policy.reservations.depth, 2U);
  EXPECT_EQ(policy.reservations.after, Duration{});
  EXPECT_FALSE(policy.reservations.backfill);
  EXPECT_EQ(policy.order, core::Order::critical_path);
  EXPECT_EQ(policy.aging, Duration::seconds(10));
  EXPECT_TRUE(policy.shares.fair);
  EXPECT_EQ(policy.shares.half_life, Duration::seconds(3600));
  EXPECT_EQ(policy.shares.weights.at(0), (std::pair{UserId{2}, std::int64_t{3}}));
}

TEST(Scenario, ReadsDevicesTasksAndWhatIsExpected) {
  const Result<Scenario> read = parse_scenario(
      "x.scn",
      "host cpus 1.5 ram 8GiB  # small\n"
      "device cuda:0 24GiB\n"
      "task a runs 3s devices 1 memory 50% exits 100,signal:9,lost,exec:2 priority -2\n"
      "expect\n"
      "  0s   a starts\n");
  ASSERT_TRUE(bool(read)) << read.error().message;
  EXPECT_EQ(read->hosts[0].cpus.value, 1500);
  EXPECT_EQ(read->hosts[0].ram.value, 8192);
  EXPECT_EQ(read->hosts[0].devices[0].total.value, 24 * 1024);
  const core::TaskSpec& task = read->batches.at(0).tasks.at(0);
  EXPECT_EQ(task.request.min_devices, 1);
  EXPECT_EQ(task.request.memory.kind, MemoryRequest::Kind::share);
  EXPECT_EQ(task.priority, -2);
  EXPECT_EQ(
      read->tasks.at(task.id).exits,
      (std::vector<AttemptEnd>{
          {ExitStatus::of_code(100)},
          {ExitStatus::of_signal(9)},
          {ExitStatus::of_lost()},
          {ExitStatus::of_stage(StartStage::exec, 2)}}));
  EXPECT_EQ(read->expected, Lines{"0s a starts"});
}

TEST(Scenario, IsPlayedOnASimulatedClock) {
  EXPECT_EQ(
      played("device cuda:0 1GiB\ntask a runs 90s devices 1\ntask b devices 1"),
      (Lines{"0s a starts on cuda:0", "90s a Done", "90s b starts on cuda:0", "90s b Done"}));
}

TEST(Scenario, EndsWithTheReasonsOfWhatStillWaits) {
  EXPECT_EQ(
      played("task a exits 1\ntask b after a keep-waiting"),
      (Lines{"0s a starts", "0s a Failed (exit status 1)", "0s b waits: dependency a failed"}));
}

TEST(Difference, ShowsBothSidesInTheirOrder) {
  EXPECT_TRUE(difference({"a"}, {"a"}).empty());
  EXPECT_EQ(difference({"a", "b", "d"}, {"a", "c", "d"}), (Lines{"  a", "- b", "+ c", "  d"}));
  EXPECT_EQ(difference({}, {"a"}), Lines{"+ a"});
}

}  // namespace
}  // namespace cattino::sim
