// Groups: their hooks around those of their members, and waits on what comes after them.
#include <algorithm>

#include <gtest/gtest.h>

#include "engine/testing/fake_channel.h"
#include "engine/testing/rig.h"

namespace cattino::engine {

using core::TaskStatus;

class GroupsTest : public EngineTest {
 protected:
  /// outer (ref 1) ⊃ inner (ref 2) ⊃ the tasks (refs from 3); `after` (the last ref), if asked for,
  /// waits for outer.
  Result<SubmissionView> submit_nested(std::size_t tasks, bool hooks, bool after) {
    Staging::Header head = header(tasks + (after ? 1 : 0));
    head.submission.group_count = 2;
    auto staging = engine_->stage(std::move(head));
    EXPECT_TRUE(staging);
    if (hooks) {
      EXPECT_TRUE((*staging)->add_objects("pickle"));
    }
    for (std::uint32_t ref = 1; ref <= 2; ++ref) {
      Staging::NewGroup group;
      group.ref = ref;
      group.parent = ref - 1;
      group.name = ref == 1 ? "outer" : "inner";
      group.hooks = {hooks, hooks};
      group.object = hooks ? 0 : -1;
      EXPECT_TRUE((*staging)->add(std::move(group)));
    }
    std::uint32_t ref = 2;
    for (std::size_t i = 0; i < tasks; ++i) {
      TaskLine line = task("t" + std::to_string(i + 1));
      line.task.ref = ++ref;
      line.task.group = 2;
      EXPECT_TRUE((*staging)->add(std::move(line.task)));
    }
    if (after) {
      TaskLine line = task("after");
      line.task.ref = ++ref;
      EXPECT_TRUE((*staging)->add(std::move(line.task)));
      EXPECT_TRUE((*staging)->add_edge(1, ref, core::When::ok));
    }
    return ask<SubmissionView>([&](Answer<SubmissionView> answer) {
      (*staging)->finish(after ? 1 : 0, std::move(answer));
    });
  }

  std::size_t calls() const {
    return static_cast<std::size_t>(
        std::count_if(host_.lines.begin(), host_.lines.end(), [](const std::string& line) {
          return line.find(R"("op":"hook")") != std::string::npos;
        }));
  }
  /// The next hook is this one; it is answered.
  void expect_hook(const std::string& call) {
    const std::size_t number = ++hooks_;
    ASSERT_TRUE(until([&] { return calls() >= number; })) << call;
    EXPECT_EQ(calls(), number);
    EXPECT_EQ(host_.call_of("hook"), call);
    host_.done(call);
  }

  FakeHost host_;
  std::size_t hooks_ = 0;
};

TEST_F(GroupsTest, On_start_runs_outermost_first_once_and_on_end_after_the_last_member) {
  start();
  ASSERT_TRUE(submit_nested(2, true, false));
  ASSERT_TRUE(spawned(1));  // the host
  ASSERT_TRUE(engine_->attach_host(SubmissionId{1}, std::make_unique<FakeChannel>(host_)));
  expect_hook("g1/0/on_start");
  expect_hook("g2/0/on_start");
  ASSERT_TRUE(spawned(3));
  supervisor_.ran(key(1));
  ASSERT_TRUE(until([&] { return status("outer/inner/t1") == TaskStatus::done; }));
  EXPECT_EQ(calls(), 2U) << "one member still runs";
  supervisor_.ran(key(2));
  expect_hook("g2/0/on_end");
  expect_hook("g1/0/on_end");
  ASSERT_TRUE(until([&] { return host_.lines.back() == R"({"op":"leave"})"; }));
  EXPECT_EQ(calls(), 4U);
}

TEST_F(GroupsTest, What_waits_for_a_group_tells_how_far_it_is) {
  start();
  const auto taken = submit_nested(2, false, true);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->tasks[2].reason->text, "waits for outer (0 of 1 ended)");
}

TEST_F(GroupsTest, A_wait_behind_a_group_that_can_never_end_by_itself_is_over_at_once) {
  start();
  ASSERT_TRUE(submit_nested(2, false, true));
  ASSERT_TRUE(spawned(2));
  supervisor_.started(key(2));  // this one goes on running
  WaitQuery query;
  query.selection.names = {"after"};
  std::optional<WaitView> ended;
  const auto handle =
      engine_->wait(query, [&](const Result<WaitView>& view) { ended = view.value(); });
  ASSERT_TRUE(until([&] { return view("outer/inner/t2").row.pid == 4711; }));
  EXPECT_FALSE(ended);
  supervisor_.ran(key(1), ExitStatus::of_lost());
  ASSERT_TRUE(until([&] { return ended.has_value(); }));
  EXPECT_EQ(ended->outcome, 6);
  ASSERT_EQ(ended->stuck.size(), 1U);
  EXPECT_EQ(ended->stuck[0].row.task.fullname, "after");
}

TEST_F(GroupsTest, A_wait_that_begins_behind_such_a_group_is_over_too) {
  start();
  ASSERT_TRUE(submit_nested(2, false, true));
  ASSERT_TRUE(spawned(2));
  supervisor_.ran(key(1), ExitStatus::of_lost());
  ASSERT_TRUE(until([&] { return status("outer/inner/t1") == TaskStatus::waiting; }));
  WaitQuery query;
  query.selection.names = {"after"};
  std::unique_ptr<Handle> handle;
  const auto ended = ask<WaitView>(
      [&](Answer<WaitView> answer) { handle = engine_->wait(query, std::move(answer)); });
  EXPECT_EQ(ended->outcome, 6);
}

}  // namespace cattino::engine
