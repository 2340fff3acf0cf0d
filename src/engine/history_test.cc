// Forgetting what ended long ago; and processes of a state that is gone.
#include <algorithm>

#include <gtest/gtest.h>

#include "engine/testing/rig.h"

namespace cattino::engine {

using core::TaskStatus;

class HistoryTest : public EngineTest {
 protected:
  void run(const std::string& name) {
    const auto taken = submit({task(name)});
    ASSERT_TRUE(taken) << taken.error().message;
    ASSERT_TRUE(spawned(++count_));
    supervisor_.ran(supervisor_.spawns.back().key);
    ASSERT_TRUE(until([&] { return status(name) == TaskStatus::done; }));
  }

  /// Every ended task, the old ones too.
  std::vector<std::string> all() {
    const auto found = ask<ListView>([&](Answer<ListView> answer) {
      ListQuery query;
      query.history = true;
      engine_->list(query, std::move(answer));
    });
    std::vector<std::string> names;
    for (const TaskView& view : found->tasks) {
      names.push_back(view.row.task.fullname);
    }
    return names;
  }

  std::size_t count_ = 0;
};

using Names = std::vector<std::string>;

TEST_F(HistoryTest, What_ended_long_ago_is_forgotten_at_a_start) {
  start();
  run("old");
  const auto old = view("old").row.task.spec.id;
  options_.settings.history_age = Duration::milliseconds(1);
  start();
  ASSERT_TRUE(until([&] { return all().empty(); }));
  const auto gone = list({fmt::format("#{}", old.value)});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::not_found);
  EXPECT_NE(gone.error().message.find("no longer known"), std::string::npos);
  EXPECT_EQ(list({"#4711"}).error().message.find("no longer known"), std::string::npos)
      << "it never was";
}

TEST_F(HistoryTest, It_is_forgotten_when_something_else_ends_and_not_before) {
  options_.settings.history_age = Duration::milliseconds(50);
  start();
  run("old");
  const Names both = {"old", "lives"};
  ASSERT_TRUE(submit({task("lives")}));
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(all(), both);
  sys::Timer pause(loop_);
  pause.arm(Duration::milliseconds(200), [this] { loop_.stop(); });
  loop_.run();
  EXPECT_EQ(all(), both) << "nothing wakes an idle daemon for it";
  supervisor_.ran(supervisor_.spawns.back().key);
  EXPECT_TRUE(until([&] {
    const Names left = all();
    return std::find(left.begin(), left.end(), "old") == left.end();
  }));
}

TEST_F(HistoryTest, By_default_and_with_zero_nothing_is_forgotten) {
  start();
  run("a");
  options_.settings.history_age = {};
  options_.settings.history_size = 0;
  start();
  run("b");
  EXPECT_EQ(all(), (Names{"a", "b"}));
}

TEST_F(HistoryTest, What_ended_lately_stays_whatever_their_number) {
  options_.settings.history_size = 1;
  start();
  run("a");
  run("b");
  run("c");
  EXPECT_EQ(all(), (Names{"a", "b", "c"}));
}

TEST_F(HistoryTest, A_full_disk_keeps_it_until_there_is_room) {
  start();
  run("old");
  options_.settings.history_age = Duration::milliseconds(1);
  disk_->full = true;
  start();
  ASSERT_TRUE(list());
  EXPECT_EQ(all(), Names{"old"});
  disk_->full = false;
  EXPECT_TRUE(until([&] { return all().empty(); }));
}

// ---- a state that is not the one of before ----------------------------------------------------------

TEST_F(
    HistoryTest, Processes_that_the_state_does_not_know_are_told_of_and_their_keys_are_not_used) {
  supervisor_.remember(key(7), std::nullopt);
  options_.supervised = {key(7), HostKey{SubmissionId{5}, 1}.key()};
  start();
  ASSERT_TRUE(until([&] { return engine_->health().unknown.size() == 1; }));
  const UnknownView unknown = engine_->health().unknown.front();
  EXPECT_EQ(unknown.attempt.task, TaskId{7});
  EXPECT_EQ(unknown.pid, 4711);
  const auto taken = submit({task("new")});
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->id, SubmissionId{6});
  EXPECT_EQ(view("new").row.task.spec.id, TaskId{8});
  EXPECT_EQ(engine_->end_unknown(), 1U);
  ASSERT_EQ(supervisor_.stops.size(), 1U);
  EXPECT_EQ(supervisor_.stops.front().key, key(7));
  supervisor_.exited(key(7));
  ASSERT_TRUE(until([&] { return engine_->health().unknown.empty(); }));
  ASSERT_TRUE(until([&] { return supervisor_.acknowledged.size() == 1; }));
}

TEST_F(HistoryTest, To_leave_stops_what_the_state_does_not_know) {
  supervisor_.remember(key(7), std::nullopt);
  start();
  ASSERT_TRUE(until([&] { return engine_->health().unknown.size() == 1; }));
  std::optional<std::uint64_t> stopped;
  engine_->leave(false, [&](const Result<std::uint64_t>& count) { stopped = *count; });
  ASSERT_TRUE(until([&] { return supervisor_.stops.size() == 1; }));
  EXPECT_FALSE(stopped);
  supervisor_.exited(key(7));
  ASSERT_TRUE(until([&] { return stopped.has_value(); }));
  EXPECT_EQ(*stopped, 1U);
}

}  // namespace cattino::engine
