// Named counters that the user declared.
#include "core/counters.h"

#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

Counters declared(const std::vector<CounterAmount>& totals) {
  Counters counters;
  counters.declare(totals);
  return counters;
}

TEST(Counters, AreShortOfTheFirstOfWhichTooLittleIsLeft) {
  Counters counters = declared({{"a", 3}, {"b", 1}});
  const Request both = counting("b", 1, counting("a", 2));
  EXPECT_FALSE(counters.shortage(both));
  counters.take(both);
  EXPECT_EQ(counters.shortage(both), (CounterAmount{"a", 1}));
  EXPECT_EQ(counters.shortage(counting("b", 1)), (CounterAmount{"b", 0}));
  EXPECT_FALSE(counters.shortage(counting("a", 1)));
  EXPECT_FALSE(counters.infeasible(both)) << "when nothing is held";
  counters.release(both);
  EXPECT_FALSE(counters.shortage(both));
}

TEST(Counters, ThatWereNotDeclaredAreNone) {
  const Counters counters = declared({});
  EXPECT_EQ(counters.shortage(counting("a", 1)), (CounterAmount{"a", 0}));
  EXPECT_EQ(counters.infeasible(counting("a", 1)), (CounterAmount{"a", 0}));
  EXPECT_FALSE(counters.shortage(no_device()));
}

TEST(Counters, ThatShrinkKeepWhatIsHeld) {
  Counters counters = declared({{"a", 3}});
  counters.take(counting("a", 2));
  counters.declare({{"a", 1}});
  EXPECT_EQ(counters.shortage(counting("a", 1)), (CounterAmount{"a", 0})) << "not less than none";
  EXPECT_EQ(counters.infeasible(counting("a", 2)), (CounterAmount{"a", 1}));
  counters.release(counting("a", 2));
  EXPECT_FALSE(counters.shortage(counting("a", 1)));
  counters.declare({});
  EXPECT_TRUE(counters.infeasible(counting("a", 1)));
}

TEST(Counters, AreRaisedToTheLargerUse) {
  Counters counters = declared({{"a", 5}, {"b", 5}});
  Counters other;
  counters.take(counting("a", 3));
  other.take(counting("b", 2, counting("a", 1)));
  EXPECT_TRUE(counters.less_anywhere(other)) << "of b";
  counters.raise_to(other);
  EXPECT_FALSE(counters.less_anywhere(other));
  EXPECT_TRUE(counters.holds({{"a", 3}, {"b", 2}}));
  EXPECT_FALSE(counters.holds({{"a", 3}}));
  EXPECT_TRUE(Counters{}.less_anywhere(other));
}

TEST(Counters, LimitWhatRunsOnAllHostsTogether) {
  World world;
  world.observe(box({24000}, 64, 0));
  world.observe(box({24000}, 64, 1));
  world.step(CountersDeclared{{{"licence", 1}}});
  const TaskId first = world.task({.request = counting("licence", 1, whole(1))});
  const TaskId second = world.task({.request = counting("licence", 1, whole(1))});
  const TaskId third = world.task({.request = whole(1)});
  world.submit();
  EXPECT_TRUE(world.runs(third));
  const Reason reason = world.scheduler.explain(second);
  EXPECT_EQ(reason.kind, Reason::Kind::devices) << "one is free, but not on this host";
  world.exits(third);
  const Reason then = world.scheduler.explain(second);
  EXPECT_EQ(then.kind, Reason::Kind::counters);
  EXPECT_EQ(then.counter, "licence");
  EXPECT_EQ(then.wanted_count, 1);
  EXPECT_EQ(then.free_count, 0);
  world.exits(first);
  EXPECT_TRUE(world.runs(second));
}

TEST(Counters, ThatGrowLetTheNextStart) {
  World world;
  world.observe(box({}));
  const TaskId task = world.task({.request = counting("licence", 1)});
  world.submit();
  EXPECT_TRUE(world.waits(task));
  world.step(CountersDeclared{{{"licence", 1}}});
  EXPECT_TRUE(world.runs(task));
}

TEST(Counters, ThatCouldNeverDoAreAProblem) {
  World world;
  world.observe(box({}));
  world.step(CountersDeclared{{{"licence", 2}}});
  world.task({.request = counting("licence", 3)});
  world.task({.request = counting("seat", 1)});
  const std::vector<Problem> problems = world.scheduler.check(world.draft);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].kind, Problem::Kind::infeasible_counters);
  EXPECT_EQ(problems[0].counter, "licence");
  EXPECT_EQ(problems[0].most_count, 2);
  EXPECT_EQ(problems[1].counter, "seat");
  EXPECT_EQ(problems[1].most_count, 0);
}

TEST(Counters, AreHeldAgainAfterARestart) {
  World world;
  world.observe(box({}));
  world.step(CountersDeclared{{{"licence", 1}}});
  const TaskId first = world.task({.request = counting("licence", 1)});
  const TaskId second = world.task({.request = counting("licence", 1)});
  world.submit();
  World fresh;
  fresh.restore(world);
  fresh.step(CountersDeclared{{{"licence", 1}}});
  fresh.observe(box({}));
  EXPECT_TRUE(fresh.waits(second));
  fresh.exits(first);
  EXPECT_TRUE(fresh.runs(second));
}

}  // namespace
}  // namespace cattino::core
