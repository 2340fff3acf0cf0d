// When a waiting task will start.
#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

constexpr Duration minute = Duration::seconds(60);

class Estimate : public testing::Test {
 protected:
  explicit Estimate(const Policy& policy = without_reservations()) : world_(policy) {
    world_.observe(box({24000}));
  }

  TaskId submit(const Request& request, GroupId group = {}) {
    const TaskId task = world_.task({.request = request, .group = group});
    world_.submit();
    return task;
  }
  [[nodiscard]] Reason forecast(TaskId task) const {
    return world_.scheduler.explain(task, world_.now);
  }
  /// "exactly in 60 s", "about in 60 s"; "unknown".
  [[nodiscard]] std::string start_of(TaskId task) const {
    const Reason reason = forecast(task);
    if (!reason.start) {
      return "unknown";
    }
    const std::string seconds = std::to_string((reason.start - world_.now).ms() / 1000);
    return (reason.exact ? "exactly in " : "about in ") + seconds + " s";
  }

  World world_;
};

TEST_F(Estimate, IsExactByTimeLimits) {
  submit(limited(whole(1), minute * 10));
  const TaskId second = submit(limited(whole(1), minute * 5));
  const TaskId third = submit(limited(memory(20000), minute));
  EXPECT_EQ(start_of(second), "exactly in 600 s");
  EXPECT_EQ(start_of(third), "exactly in 900 s");
  world_.pass(minute);
  EXPECT_EQ(start_of(third), "exactly in 840 s");
}

TEST_F(Estimate, IsAboutRightByPastRuns) {
  const TaskId first = submit(whole(1));
  submit(whole(1));
  const TaskId third = submit(whole(1));
  EXPECT_EQ(start_of(third), "unknown");
  world_.pass(minute);
  world_.exits(first);
  EXPECT_EQ(start_of(third), "about in 60 s");
  world_.pass(minute * 2);
  EXPECT_EQ(start_of(third), "about in 0 s") << "it runs longer than usual";
}

TEST_F(Estimate, FollowsTheLaterRuns) {
  submit(whole(1));
  for (std::uint64_t id = 1; id <= 8; ++id) {
    submit(whole(1));
    world_.pass(id == 1 ? minute : minute * 3);
    world_.exits({id});
  }
  submit(whole(1));
  EXPECT_EQ(start_of({10}).rfind("about in 1", 0), 0U);
  EXPECT_GT(forecast({10}).start - world_.now, minute * 2);
}

TEST_F(Estimate, IsUnknownIfSomethingBeforeHasNeither) {
  submit(limited(whole(1), minute));
  const TaskId second = submit(whole(1));
  const TaskId third = submit(memory(20000));
  EXPECT_EQ(start_of(second), "exactly in 60 s");
  EXPECT_EQ(start_of(third), "unknown");
}

TEST_F(Estimate, IsOfCountersToo) {
  world_.step(CountersDeclared{{{"licence", 1}}});
  submit(limited(counting("licence", 1), minute));
  const TaskId next = submit(counting("licence", 1));
  EXPECT_EQ(start_of(next), "exactly in 60 s");
}

TEST_F(Estimate, LooksAtEveryHost) {
  world_.observe(box({24000}, 64, 1));
  submit(limited(whole(1), minute * 2));
  submit(limited(whole(1), minute));
  const TaskId third = submit(limited(whole(1), minute * 5));
  const TaskId fourth = submit(whole(1));
  EXPECT_EQ(start_of(third), "exactly in 60 s");
  EXPECT_EQ(start_of(fourth), "exactly in 120 s");
}

TEST_F(Estimate, TakesWhatIsBeingStoppedForGone) {
  const TaskId holder = submit(whole(1));
  const TaskId next = submit(whole(1));
  world_.ask(Verb::cancel, {holder});
  EXPECT_EQ(forecast(next).start, world_.now);
}

TEST_F(Estimate, IsMadeOnlyOfTasksThatWaitForRoomAlone) {
  const TaskId holder = submit(limited(whole(1), minute));
  const GroupId group = world_.group();
  const TaskId paused = submit(whole(1), group);
  world_.pause(group);
  const TaskId later = world_.task({.request = whole(1), .not_before = world_.now + minute});
  const TaskId next = world_.task({.request = whole(1)});
  world_.submit();
  EXPECT_EQ(start_of(paused), "unknown");
  EXPECT_EQ(start_of(later), "unknown");
  EXPECT_EQ(start_of(holder), "unknown") << "it runs";
  EXPECT_EQ(start_of(next), "exactly in 60 s") << "what is paused is not in its way";
  EXPECT_FALSE(world_.scheduler.explain(next).start) << "nobody asked";
  world_.step(Paused{true});
  EXPECT_EQ(start_of(next), "unknown");
}

TEST_F(Estimate, IsNotMadeWhenTooManyComeBefore) {
  for (int i = 0; i < 257; ++i) {
    world_.task({.request = limited(whole(1), minute)});
  }
  const TaskId near = world_.task({.request = limited(whole(1), minute)});
  const TaskId far = world_.task({.request = whole(1)});
  world_.submit();
  EXPECT_EQ(start_of(near), "exactly in 15420 s") << "256 come before";
  EXPECT_EQ(start_of(far), "unknown");
}

TEST_F(Estimate, IsNotMadeOnManyHosts) {
  for (std::uint32_t id = 1; id < 17; ++id) {
    world_.observe(box({}, 1, id));
  }
  submit(limited(whole(1), minute));
  EXPECT_EQ(start_of(submit(whole(1))), "unknown");
}

class EstimateOfAHead : public Estimate {
 protected:
  EstimateOfAHead() : Estimate(Policy{}) {}
};

TEST_F(EstimateOfAHead, IsTheTimeOfItsReservation) {
  submit(limited(whole(1), minute));
  EXPECT_EQ(start_of(submit(whole(1))), "exactly in 60 s");
}

TEST_F(EstimateOfAHead, IsAboutNowWhenRoomIsBeingMade) {
  world_.task({.request = whole(1), .preemptible = true});
  world_.submit();
  const TaskId high = world_.task({.request = whole(1), .priority = 1});
  world_.submit();
  EXPECT_EQ(start_of(high), "about in 0 s");
}

}  // namespace
}  // namespace cattino::core
