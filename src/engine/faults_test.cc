// What fails outside: a supervisor and devices that come late, a full disk, a disk that loses writes.
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/testing/rig.h"

namespace cattino::engine {

using core::TaskStatus;
using core::Verb;

using FaultsTest = EngineTest;

// ---- a cold start -----------------------------------------------------------------------------------

TEST_F(FaultsTest, New_work_waits_for_the_first_report_of_the_supervisor) {
  supervisor_.silent = true;
  start();
  std::optional<Result<SubmissionView>> answer;
  auto staging = engine_->stage(header(1));
  ASSERT_TRUE(staging);
  TaskLine line = task("train").devices(1);
  line.task.ref = 1;
  ASSERT_TRUE((*staging)->add(line.task));
  (*staging)->finish(0, [&](Result<SubmissionView> view) { answer = std::move(view); });
  ASSERT_TRUE(until([&] { return probe_->looks == 1; }));
  ASSERT_TRUE(list()) << "other questions are answered meanwhile";
  EXPECT_FALSE(answer);
  supervisor_.speak();
  ASSERT_TRUE(until([&] { return answer.has_value(); }));
  ASSERT_TRUE(*answer) << answer->error().message;
  EXPECT_EQ((*answer)->tasks[0].status, TaskStatus::running);
  EXPECT_EQ((*answer)->tasks[0].devices, std::vector<std::string>{"cuda:0"});
}

TEST_F(FaultsTest, A_key_is_answered_like_the_first_time_also_after_a_restart) {
  start();
  const auto send = [&] {
    Staging::Header head = header(1);
    head.submission.key = "k1";
    auto staging = engine_->stage(std::move(head));
    TaskLine line = task("a");
    line.task.ref = 1;
    EXPECT_TRUE((*staging)->add(line.task));
    return ask<SubmissionView>(
        [&](Answer<SubmissionView> answer) { (*staging)->finish(0, std::move(answer)); });
  };
  const auto first = send();
  ASSERT_TRUE(first);
  start();
  const auto taken = engine_->already_taken("k1");
  ASSERT_TRUE(taken && taken->has_value());
  EXPECT_EQ((*taken)->id, first->id);
  EXPECT_EQ((*taken)->run_dir, first->run_dir);
  EXPECT_EQ((*taken)->tasks[0].fullname, "a");
  EXPECT_FALSE(engine_->already_taken("k2")->has_value());
  const auto second = send();
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->id, first->id);
  EXPECT_EQ(list()->tasks.size(), 1U);
}

// ---- a full disk ------------------------------------------------------------------------------------

TEST_F(FaultsTest, On_a_full_disk_a_submission_is_refused_and_leaves_nothing) {
  start();
  ASSERT_TRUE(submit({task("first")}));
  ASSERT_TRUE(spawned(1));
  disk_->full = true;
  const auto refused = submit({task("a")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "database or disk is full");
  disk_->full = false;
  EXPECT_EQ(list()->tasks.size(), 1U);
  EXPECT_TRUE(submit({task("a")})) << "the name was not taken";
}

TEST_F(FaultsTest, A_submission_that_was_stored_is_acknowledged_though_its_start_finds_no_room) {
  start();
  ASSERT_TRUE(submit({task("first")}));
  ASSERT_TRUE(spawned(1));
  disk_->room = 1;
  const auto taken = submit({task("a")});
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_TRUE(disk_->full);
  EXPECT_EQ(supervisor_.spawns.size(), 1U);
  disk_->room = -1;
  disk_->full = false;
  EXPECT_TRUE(spawned(2));
}

TEST_F(FaultsTest, On_a_full_disk_verbs_are_refused_and_change_nothing) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(key(1));
  ASSERT_TRUE(until([&] { return view("a").row.pid == 4711; }));
  disk_->full = true;
  const auto refused = request(Verb::kill, {"a"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(supervisor_.stops.empty());
  disk_->full = false;
  EXPECT_TRUE(request(Verb::kill, {"a"}));
  EXPECT_EQ(supervisor_.stops.size(), 1U);
}

TEST_F(FaultsTest, On_a_full_disk_tasks_go_on_and_what_follows_happens_when_there_is_room) {
  start();
  ASSERT_TRUE(submit({task("a"), task("b"), task("c")}, {{1, 2}}));
  ASSERT_TRUE(spawned(2));  // a and c
  supervisor_.started(key(3));
  ASSERT_TRUE(until([&] { return view("c").row.pid == 4711; }));
  disk_->full = true;
  supervisor_.ran(key(1));
  // The end is known, but neither told to the supervisor nor acted on.
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::done; }));
  const auto refused = submit({task("d")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "nothing can be changed now: database or disk is full");
  EXPECT_EQ(supervisor_.spawns.size(), 2U);
  EXPECT_TRUE(supervisor_.acknowledged.empty());
  EXPECT_TRUE(supervisor_.stops.empty());
  EXPECT_EQ(status("c"), TaskStatus::running);
  disk_->full = false;
  ASSERT_TRUE(spawned(3));  // within a second
  EXPECT_EQ(supervisor_.spawns[2].key, key(2));
  ASSERT_TRUE(until([&] { return supervisor_.acknowledged.size() == 1; }));
  EXPECT_TRUE(submit({task("d")}));
}

TEST_F(FaultsTest, A_wait_on_a_full_disk_is_over_when_the_end_is_stored) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  std::vector<int> outcomes;
  const auto wait = [&](std::optional<Duration> timeout) {
    WaitQuery query;
    query.selection.names = {"a"};
    query.timeout = timeout;
    return engine_->wait(
        query, [&](const Result<WaitView>& view) { outcomes.push_back(view->outcome); });
  };
  const auto before = wait({});
  ASSERT_TRUE(list());
  disk_->full = true;
  supervisor_.ran(key(1), ExitStatus::of_code(3));
  ASSERT_TRUE(until([&] { return engine_->health().running == 0; }));
  const auto after = wait({});
  const auto impatient = wait(Duration::milliseconds(1));
  ASSERT_TRUE(until([&] { return !outcomes.empty(); }));
  EXPECT_EQ(outcomes, std::vector<int>{5}) << "a timeout";
  disk_->full = false;
  ASSERT_TRUE(until([&] { return outcomes.size() == 3; }));
  EXPECT_EQ(outcomes, (std::vector<int>{5, 1, 1}));
}

TEST_F(FaultsTest, An_engine_that_ends_on_a_full_disk_loses_no_exit) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  disk_->full = true;
  supervisor_.ran(key(1), ExitStatus::of_code(3));
  ASSERT_TRUE(until([&] { return engine_->health().running == 0; }));
  EXPECT_TRUE(supervisor_.acknowledged.empty());
  disk_->full = false;
  start();
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::failed; }));
  EXPECT_EQ(view("a").row.state.last_exit, ExitStatus::of_code(3));
}

TEST_F(FaultsTest, After_a_sync_that_failed_the_user_is_told_and_another_engine_takes_over) {
  start();
  disk_->broken = true;
  EXPECT_FALSE(submit({task("a")}));
  ASSERT_TRUE(until([&] { return left_.has_value(); }));
  EXPECT_EQ(*left_, 1) << "the guardian starts another at once";
}

// ---- claims -----------------------------------------------------------------------------------------

std::uint64_t mapped_bytes() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(FaultsTest, What_a_submission_claims_to_have_takes_no_memory_before_it_comes) {
  constexpr std::uint32_t claimed = 10'000'000;
  start();
  const std::uint64_t before = mapped_bytes();
  auto staging = engine_->stage(header(claimed));
  ASSERT_TRUE(staging);
  TaskLine line = task("train");
  line.task.ref = 4 * claimed;  // refs need not be dense
  ASSERT_TRUE((*staging)->add(line.task));
  const bool again = static_cast<bool>((*staging)->add(line.task));
  EXPECT_FALSE(again) << "the ref is taken";
  EXPECT_LT(mapped_bytes() - before, std::uint64_t{512} << 20U);
}

}  // namespace cattino::engine
