// The store: what goes in comes back, also after a crash; what was staged is not seen.
#include "store/store.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "store/sqlite.h"
#include "store/test_support.h"

namespace cattino::store {
namespace {

using core::TaskStatus;

Task full_task(const Submission& submission) {
  Task task;
  task.spec.id = submission.first_task;
  task.spec.group = submission.first_group;
  task.spec.request.min_devices = 3;
  task.spec.request.memory = {MemoryRequest::Kind::share, 250000};
  task.spec.request.cpus = Millicores{2500};
  task.spec.request.ram = Mib{4096};
  task.spec.request.max_devices = 5;
  task.spec.request.time_limit = Duration::seconds(7200);
  task.spec.request.pins = {"cuda:3", "GPU-ä"};
  task.spec.request.counters = {{"disk", 2}, {"licence", std::int64_t{1} << 40U}};
  task.spec.retry = {
      3, false, true, true, false, true, {1, 255}, Duration{7}, Duration{9}, 1'500'000};
  task.spec.not_before = Time{987654321};
  task.spec.held = true;
  task.spec.preemptible = true;
  task.spec.expected = Duration::seconds(3);
  task.spec.user = UserId{1001};
  task.spec.priority = -7;
  task.spec.created = Time{123456789};
  task.spec.hooks = {true, true};
  task.spec.cascade = false;
  task.submission = submission.id;
  task.ref = 9;
  task.object = 2;
  task.name = "lr=0.1/seed=3";
  task.fullname = "sweep/lr=0.1/seed=3";
  task.program = {ProgramKind::argv, {"python", "-c", "print('ä\n')", ""}};
  task.directory = "/data";
  task.variables = {{"A", "1"}, {"B", ""}};
  return task;
}

core::TaskState full_state() {
  core::TaskState state;
  state.status = TaskStatus::running;
  state.phase = core::TaskPhase::stopping;
  state.held = true;
  state.end_requested = true;
  state.cause = core::Cause::user_killed;
  state.cause_node = core::Node::of(GroupId{5});
  state.attempt = 3;
  state.requeues = 2;
  state.last_exit = ExitStatus::of_stage(StartStage::exec, 2);
  state.not_before = Time{77};
  state.started = Time{88};
  state.ended = Time{99};
  state.device_lost = true;
  state.out_of_memory = true;
  state.hooks_reset = true;
  state.retries = 4;
  state.preemptions = 5;
  state.queued = Time{66};
  state.raised = 30000;
  state.allocation = {4, {0, 7}, {Mib{100}, Mib{200}}, true, Millicores{500}, Mib{64}};
  return state;
}

void expect_same(const core::TaskState& a, const core::TaskState& b) {
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.phase, b.phase);
  EXPECT_EQ(a.held, b.held);
  EXPECT_EQ(a.end_requested, b.end_requested);
  EXPECT_EQ(a.cause, b.cause);
  EXPECT_EQ(a.cause_node, b.cause_node);
  EXPECT_EQ(a.attempt, b.attempt);
  EXPECT_EQ(a.requeues, b.requeues);
  EXPECT_EQ(a.last_exit, b.last_exit);
  EXPECT_EQ(a.not_before, b.not_before);
  EXPECT_EQ(a.started, b.started);
  EXPECT_EQ(a.ended, b.ended);
  EXPECT_EQ(a.device_lost, b.device_lost);
  EXPECT_EQ(a.out_of_memory, b.out_of_memory);
  EXPECT_EQ(a.hooks_reset, b.hooks_reset);
  EXPECT_EQ(a.retries, b.retries);
  EXPECT_EQ(a.preemptions, b.preemptions);
  EXPECT_EQ(a.queued, b.queued);
  EXPECT_EQ(a.raised, b.raised);
  EXPECT_EQ(a.allocation.host, b.allocation.host);
  EXPECT_EQ(a.allocation.devices, b.allocation.devices);
  EXPECT_EQ(a.allocation.mib, b.allocation.mib);
  EXPECT_EQ(a.allocation.whole, b.allocation.whole);
  EXPECT_EQ(a.allocation.cpus, b.allocation.cpus);
  EXPECT_EQ(a.allocation.ram, b.allocation.ram);
}

void expect_same(const core::TaskSpec& a, const core::TaskSpec& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.group, b.group);
  EXPECT_EQ(a.created, b.created);
  EXPECT_EQ(a.not_before, b.not_before);
  EXPECT_EQ(a.held, b.held);
  const core::Terms& terms = a;
  EXPECT_TRUE(terms == b);
}

void expect_same(const Task& a, const Task& b) {
  expect_same(a.spec, b.spec);
  EXPECT_EQ(a.submission, b.submission);
  EXPECT_EQ(a.ref, b.ref);
  EXPECT_EQ(a.object, b.object);
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.fullname, b.fullname);
  EXPECT_EQ(a.program.kind, b.program.kind);
  EXPECT_EQ(a.program.words, b.program.words);
  EXPECT_EQ(a.directory, b.directory);
  EXPECT_EQ(a.variables, b.variables);
}

Submission full_submission(Store& store) {
  Submission submission;
  submission.id = store.next_submission();
  submission.created = Time{42};
  submission.key = "once";
  submission.directory = "/work here";
  submission.environment = *store.intern_environment({"A=1", "B=2"});
  submission.umask = 077;
  submission.limits = {{7, 1024, ~std::uint64_t{0}}, {0, 1, 2}};
  submission.interpreter = "/usr/bin/python3";
  submission.python_path = {"/a", "/b"};
  submission.source = "task.py";
  submission.has_objects = true;
  submission.first_task = store.reserve_tasks(1);
  submission.task_count = 1;
  submission.first_group = store.reserve_groups(2);
  submission.group_count = 2;
  return submission;
}

void stage_full(Store& store, const Submission& submission) {
  ASSERT_TRUE(store.stage(submission, std::string("pickle\0bytes", 12)));
  Group group;
  group.spec = {submission.first_group, GroupId{}, {true, false}};
  group.submission = submission.id;
  group.ref = 1;
  group.object = 0;
  group.name = "sweep";
  group.fullname = "sweep";
  ASSERT_TRUE(store.stage(group));
  group.spec = {
      GroupId{submission.first_group.value + 1}, submission.first_group, {false, true}, 4};
  group.ref = 2;
  group.object = 1;
  group.name = "inner";
  group.fullname = "sweep/inner";
  ASSERT_TRUE(store.stage(group));
  ASSERT_TRUE(store.stage(full_task(submission)));
}

TEST_F(StoreTest, EveryFieldOfASubmissionComesBack) {
  Store& store = open();
  const Submission submission = full_submission(store);
  stage_full(store, submission);
  ASSERT_TRUE(store.make_visible(submission.id, "/logs/run"));
  ASSERT_TRUE(store.commit());

  Store& again = open();
  auto back = again.submission(submission.id);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->created, submission.created);
  EXPECT_EQ(back->key, "once");
  EXPECT_EQ(back->directory, submission.directory);
  EXPECT_EQ(back->umask, 077U);
  ASSERT_EQ(back->limits.size(), 2U);
  EXPECT_EQ(back->limits[0].resource, 7);
  EXPECT_EQ(back->limits[0].soft, 1024U);
  EXPECT_EQ(back->limits[0].hard, ~std::uint64_t{0});
  EXPECT_EQ(back->interpreter, submission.interpreter);
  EXPECT_EQ(back->python_path, submission.python_path);
  EXPECT_EQ(back->source, "task.py");
  EXPECT_EQ(back->run_dir, "/logs/run");
  EXPECT_TRUE(back->has_objects);
  EXPECT_EQ(back->first_task, submission.first_task);
  EXPECT_EQ(back->task_count, 1U);
  EXPECT_EQ(back->first_group, submission.first_group);
  EXPECT_EQ(back->group_count, 2U);
  EXPECT_EQ(*again.environment(back->environment), (Names{"A=1", "B=2"}));
  EXPECT_EQ(*again.objects(submission.id), std::string("pickle\0bytes", 12));
}

TEST_F(StoreTest, EveryFieldOfATaskAndItsGroupsComesBack) {
  Store& store = open();
  const Submission submission = full_submission(store);
  stage_full(store, submission);
  ASSERT_TRUE(store.make_visible(submission.id, "/run"));
  ASSERT_TRUE(store.put(submission.first_task, full_state()));
  ASSERT_TRUE(store.put(
      GroupId{submission.first_group.value + 1}, {core::GroupPhase::started, true, Time{55}}));
  ASSERT_TRUE(store.commit());

  Store& again = open_after_crash();
  auto task = again.task(submission.first_task);
  ASSERT_TRUE(task) << task.error().message;
  expect_same(*task, full_task(submission));
  auto rows = again.tasks_of(submission.id);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1U);
  expect_same(rows->front().state, full_state());
  auto groups = again.groups_of(submission.id);
  ASSERT_TRUE(groups);
  ASSERT_EQ(groups->size(), 2U);
  const GroupRow& inner = groups->back();
  EXPECT_EQ(inner.group.spec.parent, submission.first_group);
  EXPECT_TRUE(inner.group.spec.hooks.on_end);
  EXPECT_FALSE(inner.group.spec.hooks.on_start);
  EXPECT_EQ(inner.group.ref, 2U);
  EXPECT_EQ(inner.group.object, 1);
  EXPECT_EQ(inner.group.name, "inner");
  EXPECT_EQ(inner.group.fullname, "sweep/inner");
  EXPECT_EQ(inner.group.spec.max_parallel, 4U);
  EXPECT_EQ(inner.state.phase, core::GroupPhase::started);
  EXPECT_TRUE(inner.state.paused);
  EXPECT_EQ(inner.state.ended, Time{55});
  EXPECT_EQ(again.group(submission.first_group)->fullname, "sweep");
}

TEST_F(StoreTest, AnAttemptComesBackWithWhatItsStartAndItsEndSaid) {
  Store& store = open();
  const TaskId task = submit({"a"}).first_task;
  Attempt start;
  start.id = {task, 1};
  start.started = Time{5};
  start.devices = {1, 3};
  start.host = 2;
  ASSERT_TRUE(store.put_start(start));
  ASSERT_TRUE(store.put_pid(start.id, 4711));
  Attempt end;
  end.id = start.id;
  end.ended = Time{9};
  end.status = ExitStatus::of_signal(9);
  end.user_us = 10;
  end.system_us = 11;
  end.max_rss_kib = 12;
  ASSERT_TRUE(store.put_end(end));
  ASSERT_TRUE(store.put_end({.id = {task, 2}, .started = Time{6}, .ended = Time{7}}));
  ASSERT_TRUE(store.commit());

  auto attempts = reader().attempts(task);
  ASSERT_TRUE(attempts);
  ASSERT_EQ(attempts->size(), 2U);
  const Attempt& back = attempts->front();
  EXPECT_EQ(back.id, start.id);
  EXPECT_EQ(back.started, Time{5});
  EXPECT_EQ(back.ended, Time{9});
  EXPECT_EQ(back.pid, 4711);
  EXPECT_EQ(back.devices, start.devices);
  EXPECT_EQ(back.host, 2U);
  EXPECT_EQ(back.status, ExitStatus::of_signal(9));
  EXPECT_EQ(back.user_us, 10);
  EXPECT_EQ(back.system_us, 11);
  EXPECT_EQ(back.max_rss_kib, 12);
  EXPECT_EQ(attempts->back().started, Time{6});
}

TEST_F(StoreTest, EdgesComeBackInTheirOrder) {
  Store& store = open();
  const Submission submission = stage({"a", "b", "c"});
  const std::vector<core::Edge> edges = {
      {core::Node::of(nth(submission, 0)), core::Node::of(nth(submission, 1)), core::When::any},
      {core::Node::of(nth(submission, 2)), core::Node::of(nth(submission, 0)), core::When::fail},
      {core::Node::of(nth(submission, 1)), core::Node::of(nth(submission, 2)), core::When::ok}};
  ASSERT_TRUE(store.stage(submission.id, {edges[0]}));
  ASSERT_TRUE(store.stage(submission.id, {edges[1], edges[2]}));
  ASSERT_TRUE(store.make_visible(submission.id, ""));
  ASSERT_TRUE(store.commit());
  auto restored = open().load(submission.id);
  ASSERT_TRUE(restored);
  ASSERT_EQ(restored->work.edges.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(restored->work.edges[i].from, edges[i].from);
    EXPECT_EQ(restored->work.edges[i].to, edges[i].to);
    EXPECT_EQ(restored->work.edges[i].when, edges[i].when);
  }
}

TEST_F(StoreTest, EqualEnvironmentsAreStoredOnce) {
  Store& store = open();
  const auto first = store.intern_environment({"A=1", "B=2"});
  const auto other = store.intern_environment({"A=1B=2"});
  ASSERT_TRUE(store.commit());
  EXPECT_EQ(*open().intern_environment({"A=1", "B=2"}), *first);
  EXPECT_NE(*first, *other);
}

TEST_F(StoreTest, FactsAreKeptAndReplaced) {
  Store& store = open();
  EXPECT_EQ(*store.fact("paused"), "");
  ASSERT_TRUE(store.set_fact("paused", "yes"));
  ASSERT_TRUE(store.set_fact("paused", "no"));
  ASSERT_TRUE(store.commit());
  EXPECT_EQ(*open().fact("paused"), "no");
}

// ---- staging

TEST_F(StoreTest, StagedRowsAreNotSeenUntilTheyAreMadeVisible) {
  Store& store = open();
  const Submission submission = stage({"a", "g/b"});
  ASSERT_TRUE(store.commit());
  EXPECT_EQ(listed({}), Names{});
  EXPECT_EQ(listed({.fullnames = {"a", "g"}}), Names{});
  EXPECT_EQ(listed({.ids = {nth(submission, 0)}}), Names{});
  EXPECT_EQ(listed({.submissions = {submission.id}}), Names{});
  EXPECT_FALSE(reader().submission(submission.id));
  EXPECT_TRUE(live().empty());
  ASSERT_TRUE(store.make_visible(submission.id, "/run"));
  EXPECT_EQ(listed({}), Names{}) << "not committed";
  ASSERT_TRUE(store.commit());
  EXPECT_EQ(listed({}), (Names{"a", "g/b"}));
  EXPECT_EQ(live(), std::vector<std::uint64_t>{submission.id.value});
}

TEST_F(StoreTest, WhatWasStagedIsGoneAfterACrash) {
  open();
  const Submission seen = submit({"seen"});
  const Submission staged = stage({"a", "b"}, "key");
  ASSERT_TRUE(store_->commit());
  Store& again = open_after_crash();
  EXPECT_EQ(listed({}), Names{"seen"});
  EXPECT_EQ(live(), std::vector<std::uint64_t>{seen.id.value});
  EXPECT_FALSE(again.make_visible(staged.id, ""));
  EXPECT_FALSE(*again.sweep());
  EXPECT_FALSE(again.task(staged.first_task));
  EXPECT_FALSE(*again.submission_of_key("key"));
}

TEST_F(StoreTest, IdsAreNeverUsedAgainAfterADiscardOrARestart) {
  Store& store = open();
  const Submission submission = stage({"a", "b"});
  (void)store.reserve_groups(4);
  ASSERT_TRUE(store.discard(submission.id));
  ASSERT_TRUE(store.commit());
  Store& again = open_after_crash();
  EXPECT_GT(again.next_submission(), submission.id);
  EXPECT_GT(again.reserve_tasks(1), nth(submission, 1));
  EXPECT_EQ(again.reserve_groups(1), GroupId{5});
}

TEST_F(StoreTest, ASubmissionOfWhichAPartIsMissingIsNotMadeVisible) {
  Store& store = open();
  Submission submission;
  submission.id = store.next_submission();
  submission.first_task = store.reserve_tasks(2);
  submission.task_count = 2;
  ASSERT_TRUE(store.stage(submission, ""));
  ASSERT_TRUE(store.stage(task_of(submission, 0, "a")));
  const Status made = store.make_visible(submission.id, "");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::invalid);
}

TEST_F(StoreTest, AStagedTaskCanBeRenamed) {
  Store& store = open();
  const Submission submission = stage({"g/train"});
  ASSERT_TRUE(store.rename_staged(nth(submission, 0), "train_1", "g/train_1"));
  ASSERT_TRUE(store.make_visible(submission.id, ""));
  ASSERT_TRUE(store.commit());
  EXPECT_EQ(store.task(nth(submission, 0))->name, "train_1");
  EXPECT_EQ(listed({.fullnames = {"g/train_1"}}), Names{"g/train_1"});
  EXPECT_EQ(listed({.fullnames = {"g/train"}}), Names{});
  EXPECT_FALSE(store.rename_staged(nth(submission, 0), "x", "x")) << "it is visible";
}

TEST_F(StoreTest, AKeyIsTakenOnce) {
  Store& store = open();
  const Submission first = stage({"a"}, "key");
  const Submission second = stage({"b"}, "key");
  EXPECT_FALSE(*store.submission_of_key("key")) << "only staged";
  ASSERT_TRUE(store.make_visible(first.id, ""));
  EXPECT_EQ(*store.submission_of_key("key"), first.id);
  const Status made = store.make_visible(second.id, "");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::conflict);
  ASSERT_TRUE(store.discard(second.id));
  ASSERT_TRUE(store.commit());
  EXPECT_EQ(*open().submission_of_key("key"), first.id);
  EXPECT_FALSE(*store_->submission_of_key(""));
}

// ---- liveness

TEST_F(StoreTest, ASubmissionIsLiveUntilItsLastTaskHasEnded) {
  open();
  const Submission first = submit({"a", "b"});
  const Submission second = submit({"c"});
  end(nth(first, 0), 10);
  EXPECT_EQ(live(), (std::vector<std::uint64_t>{first.id.value, second.id.value}));
  end(nth(first, 1), 11);
  EXPECT_EQ(live(), std::vector<std::uint64_t>{second.id.value});
  open_after_crash();
  EXPECT_EQ(live(), std::vector<std::uint64_t>{second.id.value});
}

TEST_F(StoreTest, AResumedTaskMakesItsSubmissionLiveAgain) {
  open();
  const Submission submission = submit({"a", "b"});
  end(nth(submission, 0), 10);
  end(nth(submission, 1), 10);
  Store& store = open();
  ASSERT_TRUE(store.put(nth(submission, 1), core::TaskState{}));
  ASSERT_TRUE(store.commit());
  EXPECT_EQ(live(), std::vector<std::uint64_t>{submission.id.value});
  end(nth(submission, 1), 20);
  EXPECT_TRUE(live().empty());
}

TEST_F(StoreTest, ASubmissionWithoutTasksIsNeverLive) {
  open();
  submit({});
  EXPECT_TRUE(live().empty());
}

TEST_F(StoreTest, AHookThatIsNotOverKeepsItsSubmissionLive) {
  Store& store = open();
  const Submission submission = full_submission(store);
  stage_full(store, submission);
  ASSERT_TRUE(store.make_visible(submission.id, ""));
  core::TaskState state = ended(TaskStatus::done, 5);
  state.phase = core::TaskPhase::end_hook;
  const GroupId inner{submission.first_group.value + 1};
  ASSERT_TRUE(store.put(inner, {core::GroupPhase::end_hook}));
  ASSERT_TRUE(store.put(submission.first_task, state));
  ASSERT_TRUE(store.commit());
  open();
  EXPECT_EQ(live().size(), 1U);
  end(submission.first_task, 5);
  open();
  EXPECT_EQ(live().size(), 1U) << "the group's on_end runs";
  ASSERT_TRUE(store_->put(inner, {core::GroupPhase::ended}));
  ASSERT_TRUE(store_->commit());
  EXPECT_TRUE(live().empty());
}

TEST_F(StoreTest, LiveNamesAreThoseOfTasksThatHaveNotEnded) {
  Store& store = open();
  const Submission submission = submit({"a", "b", "c"});
  submit({"d"});
  const Submission over = submit({"e"});
  stage({"staged"});
  end(nth(submission, 1), 10);
  end(nth(over, 0), 10);
  core::TaskState running;
  running.status = TaskStatus::running;
  ASSERT_TRUE(store.put(nth(submission, 2), running));
  std::map<std::uint64_t, std::string> names;
  ASSERT_TRUE(
      store.live_names([&names](TaskId id, std::string_view name) { names[id.value] = name; }));
  const std::map<std::uint64_t, std::string> expected = {{1, "a"}, {3, "c"}, {4, "d"}};
  EXPECT_EQ(names, expected);
}

TEST_F(StoreTest, ALoadedSubmissionHasTheStatesOfAllItsTasks) {
  open();
  const Submission submission = submit({"a", "b", "c"});
  end(nth(submission, 1), 10);
  auto restored = open_after_crash().load(submission.id);
  ASSERT_TRUE(restored);
  ASSERT_EQ(restored->tasks.size(), 3U);
  EXPECT_EQ(restored->work.id, submission.id);
  EXPECT_EQ(restored->work.tasks[2].id, nth(submission, 2));
  EXPECT_EQ(restored->tasks[0].status, TaskStatus::waiting);
  EXPECT_EQ(restored->tasks[1].status, TaskStatus::done);
  EXPECT_EQ(restored->tasks[1].ended, Time{10});
  EXPECT_FALSE(store_->load(SubmissionId{99}));
}

TEST_F(StoreTest, ATaskThatHasNotChangedComesBackAsItWasTaken) {
  Store& store = open();
  const Submission submission = full_submission(store);
  stage_full(store, submission);
  ASSERT_TRUE(store.make_visible(submission.id, "/run"));
  ASSERT_TRUE(store.commit());
  auto restored = open_after_crash().load(submission.id);
  ASSERT_TRUE(restored);
  const core::TaskState& state = restored->tasks.front();
  EXPECT_TRUE(state.held);
  EXPECT_EQ(state.not_before, Time{987654321});
  EXPECT_EQ(state.queued, Time{987654321});
  EXPECT_TRUE(reader().list({})->tasks.front().state.held);
}

}  // namespace
}  // namespace cattino::store
