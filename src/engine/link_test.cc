// Restarts of the daemon, reconnects to the supervisor, Python hosts.
#include <deque>

#include <gtest/gtest.h>

#include "engine/testing/fake_channel.h"
#include "engine/testing/rig.h"

namespace cattino::engine {

using core::TaskStatus;

TEST_F(EngineTest, A_restarted_engine_takes_a_running_attempt_as_it_is) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(key(1));
  ASSERT_TRUE(until([&] { return view("a").row.pid == 4711; }));
  start();
  ASSERT_TRUE(until([&] { return view("a").row.pid == 4711; }));
  EXPECT_EQ(supervisor_.spawns.size(), 1U);
  supervisor_.exited(key(1));
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::done; }));
}

TEST_F(EngineTest, An_exit_while_no_engine_lived_is_taken) {
  start();
  ASSERT_TRUE(submit({task("a"), task("b")}, {{1, 2}}));
  ASSERT_TRUE(spawned(1));
  engine_.reset();
  supervisor_.remember(key(1), ExitStatus::of_code(0));
  start();
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(supervisor_.spawns[1].key, key(2));
  EXPECT_EQ(status("a"), TaskStatus::done);
  ASSERT_TRUE(until([&] { return supervisor_.acknowledged.size() == 1; }));
}

TEST_F(EngineTest, A_start_that_never_arrived_is_sent_again) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  supervisor_.forget_all();
  start();
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(supervisor_.spawns[1].key, key(1));
}

TEST_F(EngineTest, After_a_reboot_a_start_without_an_end_is_lost_and_held) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  supervisor_.forget_all();
  supervisor_.epoch = 2;
  start();
  ASSERT_TRUE(until([&] { return view("a").row.state.held; }));
  EXPECT_EQ(view("a").reason->kind, "lost");
  EXPECT_EQ(supervisor_.spawns.size(), 1U);
  const auto resumed = request(core::Verb::resume, {"a"});
  ASSERT_TRUE(resumed && resumed->count == 1);
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(supervisor_.spawns[1].key, key(1, 2));
}

TEST_F(EngineTest, Under_another_guardian_a_start_is_sent_again_if_all_that_began_is_known) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  supervisor_.forget_all();
  supervisor_.epoch = 2;
  supervisor_.complete = true;
  start();
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(supervisor_.spawns[1].key, key(1));
}

TEST_F(EngineTest, A_start_that_the_supervisor_still_holds_is_waited_for) {
  start();
  ASSERT_TRUE(submit({task("a"), task("b")}));
  ASSERT_TRUE(spawned(2));
  supervisor_.queued.insert(key(1));
  supervisor_.epoch = 2;
  start();
  ASSERT_TRUE(until([&] { return view("b").row.state.held; })) << "of this one nothing is known";
  supervisor_.ran(key(1));
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::done; }));
  EXPECT_EQ(supervisor_.spawns.size(), 2U);
}

TEST_F(EngineTest, A_supervisor_of_another_version_makes_way_once_when_nothing_runs) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  supervisor_.program = "0.0.1";
  start();
  ASSERT_TRUE(submit({task("b")}));
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(supervisor_.leaves, 0) << "something runs";
  supervisor_.exited(key(1));
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::done; }));
  EXPECT_EQ(supervisor_.leaves, 0) << "something runs still";
  supervisor_.exited(key(2));
  ASSERT_TRUE(until([&] { return supervisor_.leaves == 1; }));
  ASSERT_TRUE(submit({task("c")}));
  ASSERT_TRUE(spawned(3));
  supervisor_.exited(key(3));
  ASSERT_TRUE(until([&] { return status("c") == TaskStatus::done; }));
  EXPECT_EQ(supervisor_.leaves, 1) << "it may be what the guardian has";
}

TEST_F(EngineTest, A_supervisor_of_another_protocol_leaves_new_work_refused) {
  start();
  supervisor_.refuse(2);
  int number = 0;
  ASSERT_TRUE(until([&] { return !submit({task(std::to_string(++number))}); }));
  const auto refused = submit({task("a")});
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_NE(refused.error().message.find("version 2"), std::string::npos);
  start();
  EXPECT_TRUE(submit({task("a")}));
}

TEST_F(EngineTest, A_process_that_the_supervisor_does_not_know_is_lost) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(key(1));
  ASSERT_TRUE(until([&] { return view("a").row.state.phase == core::TaskPhase::process; }));
  supervisor_.forget_all();
  supervisor_.reconnect();
  ASSERT_TRUE(until([&] { return view("a").row.state.held; }));
}

TEST_F(EngineTest, An_asked_end_is_asked_again_after_a_reconnect) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(key(1));
  ASSERT_TRUE(request(core::Verb::cancel, {"a"}));
  ASSERT_EQ(supervisor_.stops.size(), 1U);
  supervisor_.reconnect();
  ASSERT_TRUE(until([&] { return supervisor_.stops.size() == 2; }));
  EXPECT_EQ(supervisor_.environments.size(), 1U);
}

TEST_F(EngineTest, Waiting_tasks_and_their_names_survive_a_restart) {
  machine(inventory_of(1, 24'000));
  start();
  ASSERT_TRUE(submit({task("a").devices(1), task("b").devices(1)}));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(key(1));
  start();
  ASSERT_TRUE(until([&] { return status("b") == TaskStatus::waiting; }));
  const auto refused = submit({task("b")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
}

// ---- Python hosts -----------------------------------------------------------------------------------

class HostedTest : public EngineTest {
 protected:
  Result<SubmissionView> submit_hosted(TaskLine line) {
    auto staging = engine_->stage(header(1));
    EXPECT_TRUE((*staging)->add_objects("pickle"));
    line.task.ref = 1;
    if (const Status added = (*staging)->add(line.task); !added) {
      return added.error();
    }
    return ask<SubmissionView>(
        [&](Answer<SubmissionView> answer) { (*staging)->finish(0, std::move(answer)); });
  }
  ~HostedTest() override { engine_.reset(); }  // before the hosts that its channels lead to
  FakeHost& attach() {
    FakeHost& host = hosts_.emplace_back();
    EXPECT_TRUE(engine_->attach_host(SubmissionId{1}, std::make_unique<FakeChannel>(host)));
    return host;
  }
  static std::uint64_t host_key(std::uint32_t generation) {
    return HostKey{SubmissionId{1}, generation}.key();
  }

  std::deque<FakeHost> hosts_;
};

TEST_F(HostedTest, Hooks_run_around_the_process_in_one_host) {
  start();
  ASSERT_TRUE(submit_hosted(task("a").hooks(true, true)));
  ASSERT_TRUE(spawned(1));
  EXPECT_EQ(supervisor_.spawns[0].key, host_key(1));
  EXPECT_EQ(supervisor_.spawns[0].argv[1], "-m");
  EXPECT_EQ(supervisor_.spawns[0].argv[2], "cattino.host");
  supervisor_.started(host_key(1), 99);
  FakeHost& host = attach();
  EXPECT_EQ(host.lines[0].substr(0, 15), R"({"op":"objects")");
  EXPECT_NE(host.lines[0].find("cGlja2xl"), std::string::npos);
  EXPECT_EQ(host.call_of("hook"), "t1/1/on_start");
  host.done("t1/1/on_start");
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(supervisor_.spawns[1].key, key(1));
  supervisor_.ran(key(1));
  ASSERT_TRUE(until([&] { return host.call_of("hook") == "t1/1/on_end"; }));
  EXPECT_EQ(status("a"), TaskStatus::running);
  host.done("t1/1/on_end");
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::done; }));
  EXPECT_EQ(host.lines.back(), R"({"op":"leave"})");
}

TEST_F(HostedTest, An_on_start_that_raises_fails_the_task) {
  start();
  ASSERT_TRUE(submit_hosted(task("a").hooks(true, false)));
  ASSERT_TRUE(spawned(1));
  FakeHost& host = attach();
  host.done("t1/1/on_start", false);
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::failed; }));
  EXPECT_EQ(view("a").reason->kind, "hook_failed");
}

TEST_F(HostedTest, Calls_that_were_not_answered_are_repeated_to_the_next_host) {
  start();
  ASSERT_TRUE(submit_hosted(task("a").hooks(true, false)));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(host_key(1));
  FakeHost& first = attach();
  EXPECT_EQ(first.call_of("hook"), "t1/1/on_start");
  supervisor_.exited(host_key(1), ExitStatus::of_signal(9));
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(supervisor_.spawns[1].key, host_key(2));
  EXPECT_FALSE(first.open);
  FakeHost& second = attach();
  EXPECT_EQ(second.call_of("hook"), "t1/1/on_start");
}

TEST_F(HostedTest, A_host_that_never_starts_fails_the_hook_and_says_so_in_the_log) {
  start();
  const auto taken = submit_hosted(task("a").hooks(true, false));
  for (std::uint32_t generation = 1; generation <= 3; ++generation) {
    ASSERT_TRUE(spawned(generation));
    supervisor_.exited(host_key(generation), ExitStatus::of_code(1));
  }
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::failed; }));
  const std::string log = taken->run_dir + "/a/stderr.log";
  ASSERT_TRUE(until([&] { return std::filesystem::exists(log); }));
}

TEST_F(HostedTest, A_function_is_run_by_the_host_and_reported_by_the_supervisor) {
  start();
  ASSERT_TRUE(submit_hosted(task("f").function()));
  ASSERT_TRUE(spawned(1));
  FakeHost& host = attach();
  EXPECT_EQ(host.call_of("run"), "t1/1/run");
  supervisor_.started(key(1));
  ASSERT_TRUE(until([&] { return view("f").row.pid == 4711; }));
  supervisor_.exited(key(1));
  ASSERT_TRUE(until([&] { return status("f") == TaskStatus::done; }));
  EXPECT_EQ(supervisor_.spawns.size(), 1U) << "only the host is spawned";
}

TEST_F(HostedTest, A_function_that_cannot_be_started_fails) {
  start();
  ASSERT_TRUE(submit_hosted(task("f").function()));
  ASSERT_TRUE(spawned(1));
  FakeHost& host = attach();
  host.line(R"({"op":"failed","call":"t1/1/run","error":"fork failed"})");
  ASSERT_TRUE(until([&] { return status("f") == TaskStatus::failed; }));
  EXPECT_EQ(view("f").row.state.last_exit.kind, ExitStatus::Kind::not_started);
}

TEST_F(HostedTest, After_a_restart_the_open_call_goes_to_the_host_that_lives) {
  start();
  ASSERT_TRUE(submit_hosted(task("a").hooks(true, false)));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(host_key(1));
  attach();
  start();
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::running; }));
  FakeHost& after = attach();
  ASSERT_TRUE(until([&] { return after.call_of("hook") == "t1/1/on_start"; }));
  EXPECT_EQ(supervisor_.spawns.size(), 1U);
  after.done("t1/1/on_start");
  ASSERT_TRUE(spawned(2));
}

TEST_F(HostedTest, What_a_hook_prints_reaches_those_who_want_output) {
  start();
  std::vector<std::string> loud;
  int quiet = 0;
  ASSERT_TRUE(submit_hosted(task("a").hooks(true, false)));
  const auto with =
      engine_->follow(0, true, [&](const FeedItem& item) { loud.push_back(item.text); });
  const auto without = engine_->follow(0, false, [&](const FeedItem&) { ++quiet; });
  ASSERT_TRUE(spawned(1));
  FakeHost& host = attach();
  host.line(R"({"op":"print","call":"t1/1/on_start","text":"hello"})");
  ASSERT_TRUE(until([&] { return !loud.empty(); }));
  EXPECT_EQ(loud[0], "hello");
  EXPECT_EQ(quiet, 0);
}

}  // namespace cattino::engine
