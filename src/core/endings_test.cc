// What follows an attempt: an end, a retry, or a wait.
#include <string>

#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

constexpr Duration second = Duration::seconds(1);

/// Nothing is retried yet.
RetryPolicy retries(std::uint32_t count) {
  RetryPolicy retry;
  retry.retries = count;
  retry.on_code = retry.on_signal = retry.on_oom = false;
  return retry;
}

class Ending : public testing::Test {
 protected:
  /// It has started; another one keeps its submission in the core.
  TaskId run(const RetryPolicy& retry, const Request& request = no_device()) {
    const TaskId task = world_.task({.request = request, .retry = retry});
    world_.task({.request = whole(9)});
    world_.submit();
    world_.effects();
    return task;
  }
  /// Is there another attempt after this end?
  bool retried(const RetryPolicy& retry, ExitStatus status) {
    const TaskId task = run(retry);
    world_.exits(task, status);
    const bool again = world_.waits(task) && !world_.state(task).held;
    EXPECT_EQ(world_.state(task).retries, again ? 1U : 0U);
    return again;
  }
  std::int64_t claim(TaskId task) { return world_.state(task).allocation.mib.at(0).value; }
  /// Out of memory, and past its backoff.
  void run_out(TaskId task) {
    world_.runs_out(task);
    world_.pass(second * 600);
  }

  Ending() { world_.observe(box({24000, 16000})); }
  World world_;
};

TEST_F(Ending, ByACodeIsRetriedIfCodesAre) {
  RetryPolicy retry = retries(1);
  EXPECT_FALSE(retried(retry, ExitStatus::of_code(3)));
  retry.on_code = true;
  EXPECT_TRUE(retried(retry, ExitStatus::of_code(3)));
  EXPECT_FALSE(retried(retry, ExitStatus::of_signal(11)));
  EXPECT_FALSE(retried(retry, ExitStatus::of_code(0)));
}

TEST_F(Ending, ByACodeIsRetriedIfThatOneIs) {
  RetryPolicy retry = retries(1);
  retry.codes = {3, 7};
  EXPECT_TRUE(retried(retry, ExitStatus::of_code(3)));
  EXPECT_TRUE(retried(retry, ExitStatus::of_code(7)));
  retry.on_code = true;
  EXPECT_FALSE(retried(retry, ExitStatus::of_code(5)));
}

TEST_F(Ending, ByASignalIsRetriedIfSignalsAre) {
  RetryPolicy retry = retries(1);
  EXPECT_FALSE(retried(retry, ExitStatus::of_signal(11)));
  retry.on_signal = true;
  EXPECT_TRUE(retried(retry, ExitStatus::of_signal(11)));
  EXPECT_FALSE(retried(retry, ExitStatus::of_code(11)));
}

TEST_F(Ending, BeforeItsStartIsNeverRetried) {
  RetryPolicy retry = retries(1);
  retry.on_code = retry.on_signal = retry.on_lost = retry.on_oom = retry.on_timeout = true;
  EXPECT_FALSE(retried(retry, ExitStatus::of_stage(StartStage::exec, 2)));
}

TEST_F(Ending, UnknownIsRetriedIfLostIsAndElseHeld) {
  RetryPolicy retry = retries(1);
  retry.on_lost = true;
  const TaskId task = run(retry);
  world_.exits(task, ExitStatus::of_lost());
  EXPECT_FALSE(world_.state(task).held);
  EXPECT_EQ(world_.effects(), Lines{"timer 1000"});
  world_.pass(second);
  EXPECT_TRUE(world_.runs(task));
  world_.exits(task, ExitStatus::of_lost());
  EXPECT_TRUE(world_.state(task).held) << "once was enough";
  EXPECT_EQ(world_.state(task).cause, Cause::lost);
  world_.ask(Verb::resume, {task});
  EXPECT_TRUE(world_.runs(task));
  EXPECT_EQ(world_.state(task).retries, 0U);
}

TEST_F(Ending, IsFinalWhenItsRetriesAreUsedUp) {
  RetryPolicy retry = retries(2);
  retry.on_code = true;
  const TaskId task = run(retry);
  for (std::uint32_t i = 1; i <= 2; ++i) {
    world_.exits(task, 3);
    EXPECT_EQ(world_.state(task).retries, i);
    world_.pass(second * 600);
  }
  world_.exits(task, 3);
  EXPECT_EQ(world_.status(task), TaskStatus::failed);
  EXPECT_EQ(world_.state(task).cause, Cause::exit);
  EXPECT_EQ(world_.state(task).attempt, 3U);
}

TEST_F(Ending, IsFollowedByABackoffThatDoublesUpToTheLongest) {
  RetryPolicy retry = retries(4);
  retry.on_code = true;
  retry.backoff = second * 3;
  retry.longest_backoff = second * 10;
  const TaskId task = run(retry);
  for (const std::int64_t seconds : {3, 6, 10, 10}) {
    world_.exits(task, 3);
    EXPECT_EQ(world_.state(task).not_before, world_.now + second * seconds);
    EXPECT_EQ(world_.scheduler.explain(task).kind, Reason::Kind::backoff);
    world_.pass(second * seconds);
    EXPECT_TRUE(world_.runs(task));
  }
}

TEST_F(Ending, MayBeFollowedAtOnce) {
  RetryPolicy retry = retries(1);
  retry.on_code = true;
  retry.backoff = {};
  const TaskId task = run(retry);
  world_.exits(task, 3);
  EXPECT_TRUE(world_.runs(task));
}

// ---- lack of memory ---------------------------------------------------------------------------------

TEST_F(Ending, ForLackOfMemoryIsRetriedIfThatIs) {
  const TaskId task = run(retries(1));
  world_.runs_out(task);
  EXPECT_EQ(world_.status(task), TaskStatus::failed);
  EXPECT_EQ(world_.state(task).cause, Cause::out_of_memory);
  RetryPolicy retry = retries(1);
  retry.on_oom = true;
  const TaskId other = run(retry, memory(4000));
  run_out(other);
  EXPECT_TRUE(world_.runs(other));
  EXPECT_EQ(claim(other), 4000) << "it asks for no more unless that is wanted";
}

TEST_F(Ending, ForLackOfMemoryRaisesItUpToTheLargestDevice) {
  RetryPolicy retry = retries(9);
  retry.on_oom = true;
  retry.oom_growth_ppm = 1500000;
  const TaskId task = run(retry, memory(12000));
  for (const std::int64_t mib : {18000, 24000}) {
    run_out(task);
    ASSERT_TRUE(world_.runs(task));
    EXPECT_EQ(claim(task), mib);
  }
  world_.runs_out(task);
  EXPECT_EQ(world_.status(task), TaskStatus::failed) << "it had all there is";
  EXPECT_EQ(world_.state(task).cause, Cause::out_of_memory);
  world_.ask(Verb::resume, {task});
  EXPECT_EQ(claim(task), 12000);
}

TEST_F(Ending, ForLackOfMemoryRaisesAShareUpToTheWhole) {
  RetryPolicy retry = retries(9);
  retry.on_oom = true;
  retry.oom_growth_ppm = 2000000;
  const TaskId task = run(retry, share(400000));
  for (const std::int64_t ppm : {800000, 1000000}) {
    run_out(task);
    ASSERT_TRUE(world_.runs(task));
    EXPECT_EQ(world_.state(task).raised, ppm);
  }
  world_.runs_out(task);
  EXPECT_EQ(world_.status(task), TaskStatus::failed);
}

TEST_F(Ending, ForLackOfMemoryRaisesTheRamOfATaskWithoutADevice) {
  RetryPolicy retry = retries(9);
  retry.on_oom = true;
  retry.oom_growth_ppm = 2000000;
  const TaskId task = run(retry, no_device(0, 100 * 1024));
  for (const std::int64_t gib : {200, 256}) {
    run_out(task);
    ASSERT_TRUE(world_.runs(task));
    EXPECT_EQ(world_.state(task).allocation.ram.value, gib * 1024);
  }
  world_.runs_out(task);
  EXPECT_EQ(world_.status(task), TaskStatus::failed);
}

TEST_F(Ending, ForLackOfMemoryRaisesTheRamOfATaskThatNamesAny) {
  RetryPolicy retry = retries(1);
  retry.on_oom = true;
  retry.oom_growth_ppm = 2000000;
  Request both = memory(4000);
  both.ram = Mib{1024};
  const TaskId task = run(retry, both);
  run_out(task);
  EXPECT_EQ(world_.state(task).allocation.ram.value, 2048);
  EXPECT_EQ(claim(task), 4000) << "of the device nothing is known";
}

TEST_F(Ending, ForLackOfMemoryOfAWholeDeviceIsFinalIfMoreIsWanted) {
  RetryPolicy retry = retries(9);
  retry.on_oom = true;
  const TaskId same = run(retry, whole(1));
  run_out(same);
  EXPECT_TRUE(world_.runs(same));
  world_.exits(same);
  retry.oom_growth_ppm = 2000000;
  const TaskId more = run(retry, whole(1));
  world_.runs_out(more);
  EXPECT_EQ(world_.status(more), TaskStatus::failed);
}

TEST_F(Ending, ForLackOfMemoryThatWasNeverAskedForIsRetriedAsItIs) {
  RetryPolicy retry = retries(1);
  retry.on_oom = true;
  retry.oom_growth_ppm = 2000000;
  const TaskId task = run(retry);
  run_out(task);
  EXPECT_TRUE(world_.runs(task));
}

TEST_F(Ending, RaisesByOneMibAtLeast) {
  RetryPolicy retry = retries(1);
  retry.on_oom = true;
  retry.oom_growth_ppm = 1000001;
  const TaskId task = run(retry, memory(10));
  run_out(task);
  EXPECT_EQ(claim(task), 11);
}

TEST_F(Ending, RaisedStaysRaisedOverARestart) {
  RetryPolicy retry = retries(9);
  retry.on_oom = true;
  retry.oom_growth_ppm = 1500000;
  const TaskId task = run(retry, memory(12000));
  run_out(task);
  World fresh;
  fresh.restore(world_);
  fresh.observe(box({24000, 16000}));
  EXPECT_EQ(fresh.state(task).allocation.mib.at(0).value, 18000);
  fresh.exits(task, 1);
  EXPECT_EQ(fresh.status(task), TaskStatus::failed);
}

// ---- lost devices -----------------------------------------------------------------------------------

TEST_F(Ending, OnALostDeviceIsNoFailureOfTheTask) {
  Host host = box({24000, 24000});
  world_.observe(host);
  const TaskId task = run(retries(0), whole(1));
  host.devices[0].health = DeviceHealth::lost;
  world_.observe(host);
  EXPECT_TRUE(world_.runs(task)) << "until its process is gone";
  world_.exits(task, 1);
  EXPECT_TRUE(world_.waits(task));
  EXPECT_EQ(world_.state(task).requeues, 1U);
  EXPECT_EQ(world_.state(task).retries, 0U);
  world_.pass(second);
  EXPECT_EQ(world_.state(task).allocation.devices, std::vector<std::uint16_t>{1});
  world_.exits(task, 1);
  EXPECT_EQ(world_.status(task), TaskStatus::failed) << "on a device that is well";
}

TEST_F(Ending, WellOnALostDeviceIsDone) {
  Host host = box({24000});
  world_.observe(host);
  const TaskId task = run(retries(0), whole(1));
  host.devices[0].health = DeviceHealth::lost;
  world_.observe(host);
  world_.exits(task, 0);
  EXPECT_EQ(world_.status(task), TaskStatus::done);
}

// ---- time limits ------------------------------------------------------------------------------------

TEST_F(Ending, ComesAtItsTimeLimit) {
  const TaskId task = world_.task({.request = limited(no_device(), second * 60)});
  world_.task({.request = whole(9)});
  world_.submit();
  EXPECT_EQ(world_.effects(), (Lines{"start 1.1", "timer 60000"}));
  world_.started(task);
  world_.pass(second * 59);
  EXPECT_EQ(world_.effects(), Lines{"timer 1000"});
  world_.pass(second);
  EXPECT_EQ(world_.effects(), Lines{"stop 1.1"});
  world_.exits(task, 0);
  EXPECT_EQ(world_.status(task), TaskStatus::failed) << "whatever its code";
  EXPECT_EQ(world_.state(task).cause, Cause::timed_out);
}

TEST_F(Ending, BeforeItsTimeLimitNeedsNoTimer) {
  const TaskId task = run(retries(0), limited(no_device(), second * 60));
  world_.exits(task, 0);
  EXPECT_EQ(world_.effects(), Lines{"timer 0"});
}

TEST_F(Ending, ByItsTimeLimitIsRetriedIfThatIs) {
  RetryPolicy retry = retries(1);
  retry.on_timeout = true;
  const TaskId task = run(retry, limited(no_device(), second * 60));
  world_.pass(second * 60);
  world_.exits(task, ExitStatus::of_signal(15));
  EXPECT_TRUE(world_.waits(task));
  EXPECT_EQ(world_.state(task).retries, 1U);
  world_.pass(second);
  EXPECT_EQ(world_.effects().back(), "timer 60000") << "each attempt has its own";
}

TEST_F(Ending, ByItsTimeLimitCountsFromItsStartOverARestart) {
  const TaskId task = run(retries(0), limited(no_device(), second * 60));
  world_.started(task);
  world_.pass(second * 20);
  World fresh;
  fresh.restore(world_);
  const Actions again = fresh.scheduler.outstanding();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(std::get<ArmTimer>(again[0]).at, world_.now + second * 40);
  fresh.pass(second * 39);
  EXPECT_EQ(fresh.state(task).phase, TaskPhase::process);
  fresh.pass(second);
  EXPECT_EQ(fresh.state(task).phase, TaskPhase::stopping);
}

TEST_F(Ending, ByATimeLimitThatWasReachedMeanwhileComesAtOnceAfterARestart) {
  const TaskId task = run(retries(0), limited(no_device(), second * 60));
  world_.started(task);
  World fresh;
  fresh.restore(world_);
  fresh.now = fresh.now + second * 3600;
  fresh.observe(box({24000, 16000}));
  EXPECT_EQ(fresh.effects().front(), "stop 1.1");
  EXPECT_EQ(fresh.state(task).cause, Cause::timed_out);
}

TEST_F(Ending, ByTheUserIsNotOverruledByTheTimeLimit) {
  const TaskId task = run(retries(0), limited(no_device(), second * 60));
  world_.ask(Verb::cancel, {task});
  world_.pass(second * 60);
  world_.exits(task, ExitStatus::of_signal(15));
  EXPECT_EQ(world_.status(task), TaskStatus::cancelled);
}

// ---- those that wait by wish ------------------------------------------------------------------------

TEST_F(Ending, IsNotBegunBeforeItsTime) {
  const TaskId task = world_.task({.not_before = world_.now + second * 30});
  world_.submit();
  EXPECT_EQ(world_.effects(), Lines{"timer 30000"});
  EXPECT_EQ(world_.scheduler.explain(task).kind, Reason::Kind::not_before);
  EXPECT_EQ(world_.scheduler.explain(task).until, world_.now + second * 30);
  world_.pass(second * 30);
  EXPECT_TRUE(world_.runs(task));
}

TEST_F(Ending, IsNotBegunWhileHeld) {
  const TaskId task = world_.task({.held = true});
  world_.submit();
  EXPECT_EQ(world_.scheduler.explain(task).kind, Reason::Kind::held);
  EXPECT_TRUE(world_.scheduler.would_change(Verb::resume, task));
  world_.ask(Verb::resume, {task});
  EXPECT_TRUE(world_.runs(task));
  EXPECT_FALSE(world_.scheduler.would_change(Verb::resume, task));
}

}  // namespace
}  // namespace cattino::core
