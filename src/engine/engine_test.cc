// The engine on a real store: submissions, starts, ends, verbs, waits, the feed, leaving.
#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

#include "engine/testing/rig.h"
#include "engine/world.h"

namespace cattino::engine {

using core::TaskStatus;
using core::Verb;

TEST_F(EngineTest, A_task_is_started_ends_and_lets_its_successor_start) {
  start();
  const auto taken = submit({task("a"), task("b")}, {{1, 2}});
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->count, 2U);
  EXPECT_EQ(taken->tasks[1].reason->text, "waits for a");
  ASSERT_TRUE(spawned(1));
  EXPECT_EQ(supervisor_.spawns[0].argv, (std::vector<std::string>{"true"}));
  EXPECT_EQ(supervisor_.spawns[0].stdout_path, taken->run_dir + "/a/stdout.log");
  supervisor_.ran(supervisor_.spawns[0].key);
  ASSERT_TRUE(spawned(2));
  supervisor_.ran(supervisor_.spawns[1].key);
  ASSERT_TRUE(until([&] { return supervisor_.acknowledged.size() == 2; }));
  EXPECT_EQ(status("a"), TaskStatus::done);
  EXPECT_EQ(status("b"), TaskStatus::done);
}

TEST_F(EngineTest, What_is_spawned_is_stored_as_starting_before) {
  start();
  int checked = 0;
  supervisor_.on_spawn = [&](const supervisor::Spawn& spawn) {
    auto reader = store::Reader::open(directory_ + "/state.db");
    ASSERT_TRUE(reader);
    store::Filter filter;
    filter.ids = {AttemptId::from_key(spawn.key).task};
    const auto listing = (*reader)->list(filter);
    ASSERT_TRUE(listing && listing->tasks.size() == 1);
    EXPECT_EQ(listing->tasks[0].state.status, TaskStatus::running);
    EXPECT_EQ(listing->tasks[0].state.phase, core::TaskPhase::starting);
    ++checked;
  };
  ASSERT_TRUE(submit({task("a"), task("b")}));
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(checked, 2);
}

TEST_F(EngineTest, An_environment_is_sent_once_a_connection) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(submit({task("b")}));
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(supervisor_.environments.size(), 1U);
}

TEST_F(EngineTest, An_exit_is_acknowledged_only_after_it_is_on_disk) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  supervisor_.ran(supervisor_.spawns[0].key, ExitStatus::of_code(3));
  ASSERT_TRUE(until([&] { return !supervisor_.acknowledged.empty(); }));
  auto reader = store::Reader::open(directory_ + "/state.db");
  const auto attempts = (*reader)->attempts(TaskId{1});
  ASSERT_TRUE(attempts && attempts->size() == 1);
  EXPECT_EQ(attempts->front().status, ExitStatus::of_code(3));
  EXPECT_EQ(attempts->front().pid, 4711);
}

TEST_F(EngineTest, Short_tasks_are_started_ahead_of_time_and_taken_back_when_they_are_not_short) {
  machine(inventory_of(1, 24'000));
  start();
  std::vector<TaskLine> many;
  for (int i = 1; i <= 30; ++i) {
    many.push_back(task("t" + std::to_string(i)).devices(1));
  }
  ASSERT_TRUE(submit(std::move(many)));
  for (std::size_t i = 0; i < 8; ++i) {
    ASSERT_TRUE(spawned(i + 1));
    supervisor_.ran(supervisor_.spawns[i].key);
  }
  ASSERT_TRUE(spawned(9 + World::line_length));
  EXPECT_EQ(supervisor_.spawns[8].after, 0U);
  EXPECT_EQ(supervisor_.spawns[9].after, supervisor_.spawns[8].key);
  EXPECT_EQ(supervisor_.spawns[10].after, supervisor_.spawns[9].key);
  EXPECT_EQ(view("t10").row.state.status, core::TaskStatus::running);
  supervisor_.started(supervisor_.spawns[8].key);
  ASSERT_TRUE(until([&] { return supervisor_.recalls.size() == World::line_length; }));
  ASSERT_TRUE(until([&] { return view("t10").row.state.status == core::TaskStatus::waiting; }));
  EXPECT_EQ(view("t10").row.state.attempt, 0U);
  auto reader = store::Reader::open(directory_ + "/state.db");
  EXPECT_TRUE((*reader)->attempts(TaskId{10})->empty()) << "it never began";
  supervisor_.exited(supervisor_.spawns[8].key);
  ASSERT_TRUE(until([&] { return supervisor_.spawns.back().key == key(10); }));
  EXPECT_EQ(supervisor_.spawns.back().after, 0U);
  supervisor_.ran(key(10), ExitStatus::of_code(3));
  ASSERT_TRUE(until([&] { return view("t10").row.state.status == core::TaskStatus::failed; }));
  EXPECT_EQ((*reader)->attempts(TaskId{10})->size(), 1U);
}

// ---- names ------------------------------------------------------------------------------------------

TEST_F(EngineTest, A_taken_name_refuses_the_whole_submission) {
  start();
  ASSERT_TRUE(submit({task("train")}));
  const auto refused = submit({task("other"), task("train")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(refused.error().field, "tasks[1].name");
  EXPECT_EQ(list()->tasks.size(), 1U);
}

TEST_F(EngineTest, A_task_that_has_ended_gives_its_name_up) {
  start();
  supervisor_.run_all = true;
  ASSERT_TRUE(submit({task("train")}));
  ASSERT_TRUE(until([&] { return supervisor_.acknowledged.size() == 1; }));
  supervisor_.run_all = false;
  const auto again = submit({task("train")});
  ASSERT_TRUE(again);
  EXPECT_EQ(view("train").row.task.spec.id, again->first_task);
  EXPECT_EQ(view("#1").shown, "train#1");
}

TEST_F(EngineTest, Renaming_gives_the_new_one_another_name) {
  start();
  ASSERT_TRUE(submit({task("train")}));
  const auto renamed = submit({task("train"), task("train")}, {}, "rename");
  ASSERT_TRUE(renamed) << renamed.error().message;
  EXPECT_EQ(renamed->tasks[0].fullname, "train_1");
  EXPECT_EQ(renamed->tasks[1].fullname, "train_2");
}

TEST_F(EngineTest, Allowing_cancels_the_old_one_first) {
  start();
  ASSERT_TRUE(submit({task("train")}));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(key(1));
  const auto taken = submit({task("train")}, {}, "allow");
  ASSERT_TRUE(taken) << taken.error().message;
  ASSERT_TRUE(until([&] { return !supervisor_.stops.empty(); }));
  EXPECT_EQ(supervisor_.stops[0].key, key(1));
  supervisor_.exited(key(1), ExitStatus::of_signal(15));
  ASSERT_TRUE(until([&] { return supervisor_.acknowledged.size() == 1; }));
  EXPECT_EQ(status("#1"), TaskStatus::cancelled);
  EXPECT_EQ(view("#1").reason->kind, "replaced");
}

TEST_F(EngineTest, Two_tasks_of_one_name_in_a_submission_are_refused) {
  start();
  const auto refused = submit({task("a"), task("a")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
}

// ---- what does not fit ------------------------------------------------------------------------------

TEST_F(EngineTest, A_request_that_can_never_fit_is_refused_with_both_numbers) {
  machine(inventory_of(4, 24'000));
  start();
  const auto refused = submit({task("a"), task("big").devices(9)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::infeasible);
  EXPECT_EQ(refused.error().field, "tasks[1].request.min_devices");
  EXPECT_EQ(refused.error().message, "big asks for 9 devices; there are 4");
  EXPECT_FALSE(std::filesystem::exists(options_.home)) << "nothing is left behind";
}

TEST_F(EngineTest, Without_accelerators_the_error_says_how_to_declare_some) {
  machine(cpu_inventory());
  start();
  const auto refused = submit({task("big").devices(2)});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().hint.find("meow run --devices 2x24GiB"), std::string::npos);
}

TEST_F(EngineTest, A_cycle_names_its_tasks) {
  start();
  const auto refused = submit({task("a"), task("b")}, {{1, 2}, {2, 1}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_NE(refused.error().message.find("a → b → a"), std::string::npos)
      << refused.error().message;
}

TEST_F(EngineTest, A_submission_that_was_cut_short_is_refused) {
  start();
  auto staging = engine_->stage(header(2));
  ASSERT_TRUE(staging);
  TaskLine line = task("a");
  line.task.ref = 1;
  ASSERT_TRUE((*staging)->add(line.task));
  ASSERT_TRUE((*staging)->flush());
  const auto refused = ask<SubmissionView>(
      [&](Answer<SubmissionView> answer) { (*staging)->finish(0, std::move(answer)); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "expected 2 tasks, got 1");
  EXPECT_TRUE(list()->tasks.empty());
}

TEST_F(EngineTest, Bad_names_and_commands_name_their_field) {
  start();
  EXPECT_EQ(submit({task("a/../b")}).error().field, "tasks[0].name");
  EXPECT_EQ(submit({task("a"), task("b").command("echo 'x")}).error().field, "tasks[1].command");
  EXPECT_EQ(submit({task("b").command("  ")}).error().field, "tasks[0].command");
}

TEST_F(EngineTest, A_repeated_key_is_answered_like_the_first_time) {
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
  const auto second = send();
  ASSERT_TRUE(first && second) << second.error().message;
  EXPECT_EQ(second->id, first->id);
  EXPECT_EQ(second->run_dir, first->run_dir);
  EXPECT_EQ(list()->tasks.size(), 1U);
  const auto taken = engine_->already_taken("k1");
  ASSERT_TRUE(taken && taken->has_value());
  EXPECT_EQ((*taken)->id, first->id);
}

// ---- reasons ----------------------------------------------------------------------------------------

TEST_F(EngineTest, A_waiting_task_says_who_holds_what_it_needs) {
  start();
  ASSERT_TRUE(submit({task("train").devices(1), task("other").devices(1, 21'000)}));
  const auto waiting = submit({task("next").devices(2, 20'000)});
  ASSERT_TRUE(waiting);
  EXPECT_EQ(
      waiting->tasks[0].reason->text,
      "needs 2 devices with 20000 MiB each; 0 of 2 have that free: cuda:0 is held by train, "
      "cuda:1 has 3000 of 24000 MiB free beside other");
  EXPECT_EQ(waiting->tasks[0].reason->kind, "devices");
}

TEST_F(EngineTest, A_cancelled_successor_names_the_one_that_failed_and_its_status) {
  start();
  ASSERT_TRUE(submit({task("train"), task("eval"), task("plot")}, {{1, 2}, {2, 3}}));
  ASSERT_TRUE(spawned(1));
  supervisor_.ran(key(1), ExitStatus::of_code(3));
  ASSERT_TRUE(until([&] { return !supervisor_.acknowledged.empty(); }));
  EXPECT_EQ(view("train").reason->text, "exit status 3");
  EXPECT_EQ(view("eval").row.state.status, TaskStatus::cancelled);
  EXPECT_EQ(view("eval").reason->text, "dependency train failed with exit status 3");
  EXPECT_NE(view("plot").reason->text.find("train failed with exit status 3"), std::string::npos)
      << view("plot").reason->text;
}

// ---- verbs ------------------------------------------------------------------------------------------

TEST_F(EngineTest, A_name_that_matches_nothing_names_the_nearest) {
  start();
  ASSERT_TRUE(submit({task("train")}));
  const auto refused = request(Verb::cancel, {"trian"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);
  EXPECT_EQ(refused.error().hint, "did you mean `train`?");
}

TEST_F(EngineTest, Killing_stops_the_process_and_fails_the_task) {
  options_.settings.grace = Duration::seconds(7);
  start();
  ASSERT_TRUE(submit({task("train")}));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(key(1));
  ASSERT_TRUE(until([&] { return view("train").row.pid == 4711; }));
  const auto killed = request(Verb::kill, {"train"});
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->count, 1U);
  EXPECT_TRUE(killed->changed[0].ending);
  ASSERT_EQ(supervisor_.stops.size(), 1U);
  EXPECT_EQ(supervisor_.stops[0].grace, Duration::seconds(7));
  supervisor_.exited(key(1), ExitStatus::of_signal(15));
  ASSERT_TRUE(until([&] { return status("train") == TaskStatus::failed; }));
  EXPECT_EQ(view("train").reason->kind, "user_killed");
}

TEST_F(EngineTest, What_a_verb_leaves_alone_says_why) {
  start();
  supervisor_.run_all = true;
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::done; }));
  const auto resumed = request(Verb::resume, {"a"});
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->count, 0U);
  EXPECT_EQ(resumed->unchanged[0].why, "it is Done: done tasks are never run again");
}

TEST_F(EngineTest, A_task_of_a_submission_that_is_over_can_be_resumed) {
  start();
  const auto taken = submit({task("a")});
  ASSERT_TRUE(spawned(1));
  supervisor_.ran(key(1), ExitStatus::of_code(1));
  ASSERT_TRUE(until([&] { return !supervisor_.acknowledged.empty(); }));
  const auto resumed = request(Verb::resume, {"a"});
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(resumed->count, 1U);
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(supervisor_.spawns[1].key, key(1, 2));
  EXPECT_EQ(supervisor_.spawns[1].stdout_path, taken->run_dir + "/a/stdout.2.log");
  EXPECT_FALSE(submit({task("a")})) << "it holds its name again";
}

TEST_F(EngineTest, A_removed_task_is_not_listed_any_more) {
  start();
  supervisor_.run_all = true;
  ASSERT_TRUE(submit({task("a"), task("b")}));
  ASSERT_TRUE(until([&] { return supervisor_.acknowledged.size() == 2; }));
  ASSERT_TRUE(request(Verb::remove, {"a"}));
  const auto left = list();
  ASSERT_EQ(left->tasks.size(), 1U);
  EXPECT_EQ(left->tasks[0].row.task.fullname, "b");
}

TEST_F(EngineTest, Asking_to_run_again_makes_another_attempt_with_logs_of_its_own) {
  start();
  const auto taken = submit({task("a")});
  ASSERT_TRUE(spawned(1));
  supervisor_.ran(key(1), ExitStatus::of_code(100));
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::waiting; }));
  EXPECT_EQ(view("a").reason->kind, "backoff");
  ASSERT_TRUE(spawned(2));  // after its backoff of a second
  EXPECT_EQ(supervisor_.spawns[1].stderr_path, taken->run_dir + "/a/stderr.2.log");
}

// ---- waits and the feed -----------------------------------------------------------------------------

TEST_F(EngineTest, A_wait_ends_with_its_last_task_and_tells_how_they_ended) {
  start();
  ASSERT_TRUE(submit({task("a"), task("b")}));
  ASSERT_TRUE(spawned(2));
  std::optional<WaitView> ended;
  WaitQuery query;
  query.selection.names = {"a", "b"};
  const auto handle =
      engine_->wait(query, [&](const Result<WaitView>& view) { ended = view.value(); });
  supervisor_.ran(key(1));
  ASSERT_TRUE(until([&] { return status("a") == TaskStatus::done; }));
  EXPECT_FALSE(ended);
  supervisor_.ran(key(2), ExitStatus::of_code(1));
  ASSERT_TRUE(until([&] { return ended.has_value(); }));
  EXPECT_EQ(ended->outcome, 1);
  EXPECT_EQ(ended->tasks.size(), 2U);
}

TEST_F(EngineTest, A_wait_tells_at_once_when_only_the_user_can_help) {
  start();
  ASSERT_TRUE(submit({task("a"), task("b"), task("other")}, {{1, 2}}));
  ASSERT_TRUE(spawned(2));
  supervisor_.started(key(3));
  WaitQuery query;
  query.selection.names = {"b"};
  std::optional<WaitView> ended;
  const auto handle =
      engine_->wait(query, [&](const Result<WaitView>& view) { ended = view.value(); });
  supervisor_.ran(key(1), ExitStatus::of_lost());
  ASSERT_TRUE(until([&] { return ended.has_value(); }));
  EXPECT_EQ(ended->outcome, 6);
  ASSERT_EQ(ended->stuck.size(), 1U);
  EXPECT_EQ(ended->stuck[0].row.task.fullname, "b");
}

TEST_F(EngineTest, A_wait_has_its_own_time_limit) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  const auto view = [&] {
    std::unique_ptr<Handle> handle;
    WaitQuery query;
    query.timeout = Duration::milliseconds(1);
    return ask<WaitView>(
        [&](Answer<WaitView> answer) { handle = engine_->wait(query, std::move(answer)); });
  }();
  EXPECT_EQ(view->outcome, 5);
}

TEST_F(EngineTest, Followers_hear_of_starts_and_ends_in_words) {
  start();
  std::vector<FeedItem> items;
  const auto handle =
      engine_->follow(0, false, [&](const FeedItem& item) { items.push_back(item); });
  ASSERT_TRUE(submit({task("train").devices(1)}));
  ASSERT_TRUE(spawned(1));
  supervisor_.ran(key(1), ExitStatus::of_code(3));
  ASSERT_TRUE(until([&] { return items.size() == 3; }));
  EXPECT_EQ(items[0].text, "train was created");
  EXPECT_EQ(items[1].text, "train started on cuda:0");
  EXPECT_EQ(items[2].text, "train failed: exit status 3");
  std::vector<std::uint64_t> late;
  const auto other =
      engine_->follow(1, false, [&](const FeedItem& item) { late.push_back(item.seq); });
  ASSERT_TRUE(until([&] { return late.size() == 2; }));
  EXPECT_EQ(late, (std::vector<std::uint64_t>{2, 3}));
}

TEST_F(EngineTest, Devices_say_who_holds_them) {
  start();
  ASSERT_TRUE(submit({task("train").devices(1, 10'000)}));
  ASSERT_TRUE(spawned(1));
  const auto seen =
      ask<DevicesView>([&](Answer<DevicesView> answer) { engine_->devices(std::move(answer)); });
  ASSERT_TRUE(seen && seen->devices.size() == 2U);
  EXPECT_EQ(seen->devices[0].claimed.value, 10'000);
  EXPECT_EQ(seen->devices[0].free.value, 14'000);
  EXPECT_EQ(seen->devices[0].tasks, (std::vector<std::string>{"train"}));
}

TEST_F(EngineTest, Who_asks_for_devices_first_hears_of_them_when_they_are_known) {
  start();
  bool answered = false;
  engine_->devices([&](const Result<DevicesView>& view) {
    answered = true;
    ASSERT_TRUE(view);
    EXPECT_EQ(view->devices.size(), 2U);
  });
  ASSERT_TRUE(until([&] { return answered; }));
}

TEST_F(EngineTest, Showing_a_task_masks_its_secrets) {
  start();
  TaskLine line = task("a");
  line.task.variables = {{"API_TOKEN", "very secret"}, {"LR", "0.1"}};
  ASSERT_TRUE(submit({line}));
  using Shown = std::variant<DetailView, ListView>;
  const auto shown =
      ask<Shown>([&](Answer<Shown> answer) { engine_->show("a", std::move(answer)); });
  ASSERT_TRUE(shown && std::holds_alternative<DetailView>(shown.value()));
  const auto& environment = std::get<DetailView>(shown.value()).environment;
  const auto value = [&](const std::string& name) {
    const auto at = std::find_if(environment.begin(), environment.end(), [&](const auto& each) {
      return each.first == name;
    });
    return at == environment.end() ? "" : at->second;
  };
  EXPECT_EQ(value("API_TOKEN"), "***");
  EXPECT_EQ(value("LR"), "0.1");
  EXPECT_EQ(value("HOME"), "/home/me");
}

// ---- leaving ----------------------------------------------------------------------------------------

TEST_F(EngineTest, Leaving_stops_what_runs_and_keeps_what_waits) {
  machine(inventory_of(1, 24'000));
  start();
  ASSERT_TRUE(submit({task("a").devices(1), task("b").devices(1)}));
  ASSERT_TRUE(spawned(1));
  supervisor_.started(key(1));
  std::optional<Result<WaitView>> told;
  WaitQuery query;
  query.selection.names = {"b"};
  const auto held = engine_->wait(query, [&](const Result<WaitView>& view) { told = view; });
  bool stopped = false;
  engine_->leave(false, [&](const Result<std::uint64_t>& count) {
    EXPECT_EQ(count.value(), 1U);
    stopped = true;
  });
  ASSERT_TRUE(until([&] { return !supervisor_.stops.empty(); }));
  EXPECT_FALSE(stopped);
  supervisor_.exited(key(1), ExitStatus::of_signal(15));
  ASSERT_TRUE(until([&] { return left_.has_value(); }));
  EXPECT_TRUE(stopped);
  EXPECT_EQ(*left_, 0);
  ASSERT_TRUE(told && !*told) << "who waits for what goes on another day is told so";
  EXPECT_EQ(told->error().code, ErrorCode::unavailable);
  EXPECT_EQ(supervisor_.spawns.size(), 1U);
  start();
  ASSERT_TRUE(spawned(2));
  EXPECT_EQ(supervisor_.spawns[1].key, key(2));
}

TEST_F(EngineTest, Leaving_with_tasks_kept_touches_none) {
  start();
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(spawned(1));
  engine_->leave(true, [](const Result<std::uint64_t>&) {});
  ASSERT_TRUE(until([&] { return left_.has_value(); }));
  EXPECT_EQ(*left_, 10);
  EXPECT_TRUE(supervisor_.stops.empty());
}

TEST_F(EngineTest, With_shutdown_on_complete_it_leaves_when_all_is_done) {
  options_.settings.shutdown_on_complete = true;
  start();
  supervisor_.run_all = true;
  ASSERT_TRUE(submit({task("a")}));
  ASSERT_TRUE(until([&] { return left_.has_value(); }));
  EXPECT_EQ(*left_, 0);
}

// ---- devices that are sampled -----------------------------------------------------------------------

TEST_F(EngineTest, Memory_of_strangers_is_seen_before_new_work_is_placed) {
  devices::Inventory seen = inventory_of(1, 24'000);
  seen.sampled = true;
  machine(seen);
  start();
  ASSERT_TRUE(until([&] { return probe_->looks == 1; }));
  seen.host.devices[0].used_by_others.value = 20'000;
  machine(seen);
  // Waiting for it makes the engine look again.
  ASSERT_TRUE(submit({task("a").devices(1, 10'000)}));
  const auto waiting = submit({task("b").devices(1, 20'000)});
  ASSERT_TRUE(waiting);
  ASSERT_TRUE(until([&] { return probe_->looks >= 2; }));
  ASSERT_TRUE(until([&] {
    return view("b").reason->text.find("other programs (20000 MiB)") != std::string::npos;
  })) << view("b").reason->text;
}

TEST_F(EngineTest, Declared_devices_are_looked_at_once) {
  start();
  ASSERT_TRUE(submit({task("a").devices(1), task("b").devices(1), task("c").devices(1)}));
  ASSERT_TRUE(spawned(2));
  supervisor_.ran(key(1));
  ASSERT_TRUE(spawned(3));
  EXPECT_EQ(probe_->looks, 1);
}

}  // namespace cattino::engine
