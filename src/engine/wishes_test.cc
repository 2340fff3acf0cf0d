// What tasks ask for beyond devices and order: from the submission to the core, and over a restart.
#include <functional>

#include <gtest/gtest.h>

#include "engine/rules.h"
#include "engine/testing/rig.h"

namespace cattino::engine {

using core::TaskStatus;

TEST_F(EngineTest, Every_wish_reaches_the_core_and_comes_back_after_a_restart) {
  options_.settings.resources = {{"disk", 4}, {"licence", 2}};
  start();
  TaskLine line = task("a").devices(1, 1000);
  line.task.request.max_devices = 2;
  line.task.request.time_limit = Duration::seconds(7200);
  line.task.request.pins = {"0", "cuda:1"};
  line.task.request.counters = {{"licence", 2}};
  line.task.retry.retries = 3;
  line.task.retry.codes = {3};
  line.task.not_before = Time{1} + Duration::seconds(4'000'000'000);
  line.task.held = true;
  line.task.preemptible = true;
  const Staging::NewTask wanted = line.task;
  ASSERT_TRUE(submit({line}));
  start();
  const core::TaskSpec spec = view("a").row.task.spec;
  EXPECT_EQ(spec.request, wanted.request);
  EXPECT_EQ(spec.retry, wanted.retry);
  EXPECT_EQ(spec.not_before, wanted.not_before);
  EXPECT_TRUE(spec.held && spec.preemptible);
  ASSERT_TRUE(until([&] { return view("a").reason->kind == "held"; }));
  EXPECT_TRUE(view("a").row.state.held);
}

TEST_F(EngineTest, A_task_taken_held_waits_until_it_is_resumed) {
  start();
  TaskLine line = task("a");
  line.task.held = true;
  ASSERT_TRUE(submit({line}));
  EXPECT_EQ(status("a"), TaskStatus::waiting);
  EXPECT_TRUE(supervisor_.spawns.empty());
  start();
  const auto resumed = request(core::Verb::resume, {"a"});
  ASSERT_TRUE(resumed && resumed->count == 1);
  ASSERT_TRUE(spawned(1));
}

TEST_F(EngineTest, A_task_for_later_starts_then) {
  start();
  supervisor_.run_all = true;
  TaskLine line = task("a");
  const auto first = submit({task("now")});
  ASSERT_TRUE(first);
  line.task.not_before = view("now").row.task.spec.created + Duration::milliseconds(300);
  ASSERT_TRUE(submit({line}));
  EXPECT_EQ(view("a").reason->kind, "not_before");
  start();
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::done; }));
  EXPECT_GE(view("a").row.state.started, line.task.not_before);
}

TEST_F(EngineTest, A_time_limit_counts_from_the_first_start_over_a_restart) {
  start();
  TaskLine line = task("a");
  line.task.request.time_limit = Duration::milliseconds(400);
  ASSERT_TRUE(submit({line}));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(key(1));
  ASSERT_TRUE(until([&] { return view("a").row.pid == 4711; }));
  const Time began = view("a").row.state.started;
  start();
  ASSERT_TRUE(until([&] { return supervisor_.stops.size() == 1; }));
  supervisor_.exited(key(1), ExitStatus::of_signal(15));
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::failed; }));
  EXPECT_EQ(view("a").reason->kind, "timed_out");
  EXPECT_EQ(view("a").row.state.started, began);
}

TEST_F(EngineTest, A_task_that_fails_is_run_again_as_its_policy_says) {
  start();
  TaskLine line = task("a");
  line.task.retry.retries = 1;
  line.task.retry.backoff = Duration::milliseconds(1);
  ASSERT_TRUE(submit({line}));
  ASSERT_TRUE(spawned(1));
  supervisor_.ran(key(1), ExitStatus::of_code(3));
  ASSERT_TRUE(spawned(2));
  supervisor_.ran(key(1, 2), ExitStatus::of_code(4));
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::failed; }));
  EXPECT_EQ(view("a").row.state.retries, 1U);
  EXPECT_EQ(supervisor_.spawns.size(), 2U);
}

TEST_F(EngineTest, What_is_declared_limits_who_runs_also_after_a_restart) {
  options_.settings.resources = {{"licence", 1}};
  start();
  TaskLine first = task("a");
  first.task.request.counters = {{"licence", 1}};
  TaskLine second = task("b");
  second.task.request.counters = {{"licence", 1}};
  ASSERT_TRUE(submit({first, second}));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(key(1));
  EXPECT_EQ(view("b").reason->kind, "resources");
  start();
  ASSERT_TRUE(until([&] { return view("b").reason->kind == "resources"; }));
  EXPECT_EQ(supervisor_.spawns.size(), 1U);
  TaskLine greedy = task("c");
  greedy.task.request.counters = {{"licence", 2}};
  EXPECT_EQ(submit({greedy}).error().field, "tasks[0].request.resources.licence");
}

TEST_F(EngineTest, A_lower_priority_makes_room_and_runs_again) {
  start();
  TaskLine low = task("low").devices(2);
  low.task.preemptible = true;
  ASSERT_TRUE(submit({low}));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(key(1));
  TaskLine high = task("high").devices(1);
  high.task.priority = 5;
  ASSERT_TRUE(submit({high}));
  ASSERT_TRUE(until([&] { return supervisor_.stops.size() == 1; }));
  supervisor_.exited(key(1), ExitStatus::of_signal(15));
  ASSERT_TRUE(until([&] { return status("high") == TaskStatus::running; }));
  EXPECT_EQ(status("low"), TaskStatus::waiting);
  EXPECT_EQ(view("low").row.state.preemptions, 1U);
  supervisor_.ran(key(2));
  ASSERT_TRUE(until([&] { return status("low") == TaskStatus::running; }));
}

TEST_F(EngineTest, Wishes_that_make_no_sense_name_their_field) {
  start();
  const auto field_of = [this](const std::function<void(Staging::NewTask&)>& change) {
    TaskLine line = task("a");
    change(line.task);
    return submit({line}).error().field;
  };
  EXPECT_EQ(
      field_of([](Staging::NewTask& t) {
        t.request.min_devices = 2;
        t.request.max_devices = 1;
      }),
      "tasks[0].request.max_devices");
  EXPECT_EQ(
      field_of([](Staging::NewTask& t) { t.request.max_devices = 1; }),
      "tasks[0].request.max_devices");
  EXPECT_EQ(
      field_of([](Staging::NewTask& t) {
        t.request.pins = {"cuda:0", ""};
      }),
      "tasks[0].request.devices[1]");
  EXPECT_EQ(
      field_of([](Staging::NewTask& t) { t.request.pins.assign(most_pins + 1, "x"); }),
      "tasks[0].request.devices");
  EXPECT_EQ(
      field_of([](Staging::NewTask& t) {
        t.request.counters = {{"a b", 1}};
      }),
      "tasks[0].request.resources");
  EXPECT_EQ(
      field_of([](Staging::NewTask& t) {
        t.request.counters = {{"a", 0}};
      }),
      "tasks[0].request.resources.a");
  EXPECT_EQ(field_of([](Staging::NewTask& t) { t.retry.codes = {3, 3}; }), "tasks[0].retry_on");
}

}  // namespace cattino::engine
