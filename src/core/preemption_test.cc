// Attempts that make room for a task of higher priority.
#include <algorithm>

#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

constexpr Duration second = Duration::seconds(1);

class Preemption : public testing::Test {
 protected:
  explicit Preemption(const Policy& policy = {}) : world_(policy) {}

  TaskId submit(const Request& request, std::int32_t priority, bool preemptible = false) {
    const TaskId task =
        world_.task({.request = request, .priority = priority, .preemptible = preemptible});
    world_.submit();
    return task;
  }
  /// Those that are being stopped.
  [[nodiscard]] Lines stops() {
    Lines lines = world_.effects();
    const auto other = [](const std::string& line) {
      return line.rfind("stop", 0) != 0;
    };
    lines.erase(std::remove_if(lines.begin(), lines.end(), other), lines.end());
    return lines;
  }

  World world_;
};

TEST_F(Preemption, MakesRoomAndRequeuesWithoutCountingARetry) {
  world_.observe(box({24000}));
  const TaskId low = submit(whole(1), 0, true);
  const TaskId high = submit(whole(1), 1);
  EXPECT_EQ(stops(), Lines{"stop 1.1"});
  const Reason reason = world_.scheduler.explain(high);
  EXPECT_EQ(reason.kind, Reason::Kind::making_room);
  EXPECT_EQ(reason.nodes, std::vector<Node>{Node::of(low)});
  EXPECT_EQ(reason.count, 1U);
  world_.exits(low, ExitStatus::of_signal(15));
  EXPECT_TRUE(world_.runs(high));
  EXPECT_TRUE(world_.waits(low));
  EXPECT_EQ(world_.state(low).preemptions, 1U);
  EXPECT_EQ(world_.state(low).retries, 0U);
  EXPECT_EQ(world_.state(low).requeues, 0U);
  EXPECT_EQ(world_.state(low).not_before, Time{}) << "it does not back off";
  world_.exits(high);
  EXPECT_TRUE(world_.runs(low));
  EXPECT_EQ(world_.state(low).attempt, 2U);
}

TEST_F(Preemption, SparesWhatIsNotPreemptible) {
  world_.observe(box({24000}));
  submit(whole(1), 0, false);
  submit(whole(1), 9);
  EXPECT_EQ(stops(), Lines{});
}

TEST_F(Preemption, SparesEqualAndHigherPriorities) {
  world_.observe(box({24000}));
  submit(whole(1), 1, true);
  submit(whole(1), 1);
  submit(memory(20000), 0);
  EXPECT_EQ(stops(), Lines{});
}

TEST_F(Preemption, StopsNobodyInVain) {
  world_.observe(box({24000, 24000}));
  submit(whole(1), 0, true);
  submit(whole(1), 0, false);
  submit(whole(2), 1);
  EXPECT_EQ(stops(), Lines{});
}

TEST_F(Preemption, StopsNobodyWhereThereIsRoom) {
  world_.observe(box({24000, 24000}));
  submit(whole(1), 0, true);
  EXPECT_TRUE(world_.runs(submit(whole(1), 1)));
  EXPECT_EQ(stops(), Lines{});
}

TEST_F(Preemption, StopsAsFewAsAreNeeded) {
  world_.observe(box({24000, 24000, 24000}));
  submit(whole(2), 0, true);
  submit(whole(1), 0, true);
  submit(whole(2), 1);
  EXPECT_EQ(stops(), Lines{"stop 1.1"}) << "the younger one alone would not do";
}

TEST_F(Preemption, StopsTheLowestPriorityFirstThenTheYoungest) {
  world_.observe(box({24000, 24000, 24000}));
  submit(whole(1), -1, true);
  submit(whole(1), 0, true);
  world_.pass(second);
  submit(whole(1), 0, true);
  submit(whole(1), 5);
  EXPECT_EQ(stops(), Lines{"stop 1.1"});
  submit(memory(20000), 4);
  EXPECT_EQ(stops(), Lines{}) << "the first head comes first";
  world_.exits({1}, ExitStatus::of_signal(15));
  EXPECT_EQ(stops(), Lines{"stop 3.1"});
}

TEST_F(Preemption, CountsWhatIsBeingStoppedAsGone) {
  world_.observe(box({24000, 24000}));
  const TaskId cancelled = submit(whole(1), 0, true);
  submit(whole(1), 0, true);
  world_.ask(Verb::cancel, {cancelled});
  EXPECT_EQ(stops(), Lines{"stop 1.1"});
  submit(whole(1), 1);
  EXPECT_EQ(stops(), Lines{});
}

TEST_F(Preemption, ChoosesTheHostWhereTheLowestSuffer) {
  world_.observe(box({24000}, 64, 0));
  world_.observe(box({24000}, 64, 1));
  submit(whole(1), 1, true);
  submit(whole(1), 0, true);
  submit(whole(1), 2);
  EXPECT_EQ(stops(), Lines{"stop 2.1"});
}

TEST_F(Preemption, FreesCountersToo) {
  world_.step(CountersDeclared{{{"licence", 1}}});
  world_.observe(box({}));
  submit(counting("licence", 1), 0, true);
  submit(counting("licence", 1, no_device(1)), 1);
  EXPECT_EQ(stops(), Lines{"stop 1.1"});
}

TEST_F(Preemption, GoesOnAfterARestart) {
  world_.observe(box({24000}));
  const TaskId low = submit(whole(1), 0, true);
  const TaskId high = submit(whole(1), 1);
  World fresh{Policy{}};
  fresh.restore(world_);
  fresh.observe(box({24000}));
  EXPECT_EQ(fresh.effects(), Lines{}) << "it is being stopped already";
  fresh.exits(low, ExitStatus::of_signal(15));
  EXPECT_TRUE(fresh.runs(high));
  EXPECT_EQ(fresh.state(low).preemptions, 1U);
}

Policy aging() {
  Policy policy;
  policy.aging = second * 10;
  return policy;
}

class PreemptionWithAging : public Preemption {
 protected:
  PreemptionWithAging() : Preemption(aging()) {}
};

TEST_F(PreemptionWithAging, SparesWhatWouldTakeItsPlaceAgain) {
  world_.observe(box({24000}));
  const TaskId low = submit(whole(1), 0, true);
  world_.pass(second * 9);
  EXPECT_TRUE(world_.waits(submit(whole(1), 1)));
  EXPECT_EQ(stops(), Lines{"stop 1.1"}) << "one of priority is worth ten seconds";
  world_.exits(low, ExitStatus::of_signal(15));
  world_.exits({2});
  EXPECT_TRUE(world_.runs(low));
  world_.pass(second * 11);
  submit(whole(1), 1);
  EXPECT_EQ(stops(), Lines{});
}

TEST_F(PreemptionWithAging, HappensOnlyOnceForOnePair) {
  world_.observe(box({24000}));
  submit(whole(1), 0, true);
  submit(whole(1), 1, true);
  std::size_t count = 0;
  for (int i = 0; i < 100; ++i) {
    const Lines stopped = stops();
    count += stopped.size();
    if (!stopped.empty()) {
      const TaskId victim{stopped[0] == "stop 2.1" ? 2U : 1U};
      world_.exits(victim, ExitStatus::of_signal(15));
    }
    world_.pass(second * 10);
  }
  EXPECT_EQ(count, 1U);
}

Policy fair() {
  Policy policy;
  policy.shares.fair = true;
  return policy;
}

class PreemptionWithShares : public Preemption {
 protected:
  PreemptionWithShares() : Preemption(fair()) {
    world_.observe(box({24000, 24000, 24000}));
    world_.task({.request = whole(2), .preemptible = true, .user = {1}});
    world_.task({.request = whole(1), .preemptible = true, .user = {2}});
    world_.submit();
    world_.pass(second * 10);
  }
  void submit_of(UserId user) {
    world_.task({.request = whole(1), .priority = 9, .user = user});
    world_.submit();
  }
};

TEST_F(PreemptionWithShares, SparesTheWorkOfWhoHadLess) {
  submit_of({1});
  EXPECT_EQ(stops(), Lines{"stop 1.1"}) << "of the other only one device would have to be taken";
}

TEST_F(PreemptionWithShares, TakesFromWhoHadMore) {
  world_.ask(Verb::cancel, {{2}});
  world_.exits({2});
  EXPECT_EQ(stops(), Lines{"stop 2.1"});
  submit_of({2});
  submit_of({2});
  EXPECT_EQ(stops(), Lines{"stop 1.1"});
}

TEST(Preempted, ATaskCanStillBeCancelledAndIsNotRunAgain) {
  World world{Policy{}};
  world.observe(box({24000}));
  const TaskId low = world.task({.request = whole(1), .preemptible = true});
  world.submit();
  world.task({.request = whole(1), .priority = 1});
  world.submit();
  EXPECT_TRUE(world.scheduler.would_change(Verb::cancel, low));
  world.effects();
  world.ask(Verb::cancel, {low});
  EXPECT_EQ(world.effects(), Lines{}) << "it is being stopped already";
  world.exits(low, ExitStatus::of_signal(15));
  EXPECT_EQ(world.scheduler.state(low), nullptr) << "it was cancelled, and its submission has left";
}

TEST(Preempted, AnAttemptThatIsLostIsHeldForTheUser) {
  World world{Policy{}};
  world.observe(box({24000}));
  const TaskId low = world.task({.request = whole(1), .preemptible = true});
  world.submit();
  world.task({.request = whole(1), .priority = 1});
  world.submit();
  world.exits(low, ExitStatus::of_lost());
  EXPECT_TRUE(world.state(low).held);
  EXPECT_EQ(world.state(low).cause, Cause::lost);
}

}  // namespace
}  // namespace cattino::core
