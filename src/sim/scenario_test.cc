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
  EXPECT_EQ(error_of("task a\nat 3s pause now\n"), "x.scn:2: 'now' is one word too many");
  EXPECT_EQ(error_of("task a\n"), "x.scn:1: there is no 'expect'");
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
      (std::vector<ExitStatus>{
          ExitStatus::of_code(100),
          ExitStatus::of_signal(9),
          ExitStatus::of_lost(),
          ExitStatus::of_stage(StartStage::exec, 2)}));
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
