// Fair shares: who had least comes first.
#include "core/shares.h"

#include <gtest/gtest.h>

#include "core/test_world.h"

namespace cattino::core {
namespace {

constexpr Duration second = Duration::seconds(1);
constexpr UserId ann{1};
constexpr UserId bob{2};

/// Fair, and nobody weighs more.
SharePolicy halved_after(Duration half_life) {
  SharePolicy policy;
  policy.fair = true;
  policy.half_life = half_life;
  return policy;
}
Policy fair(std::uint32_t depth) {
  Policy policy;
  policy.shares = halved_after(second * 30);
  policy.reservations.depth = depth;
  return policy;
}

constexpr Time at(std::int64_t seconds) {
  return {seconds * 1000000};
}

Allocation devices(std::size_t count) {
  Allocation allocation;
  allocation.devices.resize(count);
  allocation.cpus = {4000};
  return allocation;
}

/// In device-seconds.
std::int64_t used(const Shares& shares, UserId user, Time now) {
  for (const UserShare& share : shares.known(now)) {
    if (share.user == user) {
      return share.used / 1000000000;
    }
  }
  return -1;
}

TEST(Shares, CountDeviceSecondsAlsoOfWhatRuns) {
  Shares shares(halved_after(second * 1000));
  shares.began(ann, devices(2), at(0));
  EXPECT_EQ(used(shares, ann, at(10)), 20);
  shares.began(ann, devices(1), at(10));
  shares.ended(ann, devices(2), at(20));
  EXPECT_EQ(used(shares, ann, at(30)), 20 + 30 + 10);
}

TEST(Shares, CountCoresWhereThereIsNoDevice) {
  Shares shares(halved_after(second * 1000));
  shares.began(ann, devices(0), at(0));
  EXPECT_EQ(used(shares, ann, at(10)), 40);
}

TEST(Shares, OfThePastCountHalfAfterEachHalfLife) {
  Shares shares(halved_after(second * 100));
  shares.began(ann, devices(8), at(0));
  shares.ended(ann, devices(8), at(50));
  EXPECT_EQ(used(shares, ann, at(99)), 400);
  EXPECT_EQ(used(shares, ann, at(100)), 200);
  EXPECT_EQ(used(shares, ann, at(350)), 50);
  EXPECT_EQ(used(shares, ann, at(1000000000)), 0);
}

TEST(Shares, DoNotDependOnHowOftenOneAsks) {
  Shares often(halved_after(second * 100));
  Shares once(halved_after(second * 100));
  often.began(ann, devices(1), at(7));
  once.began(ann, devices(1), at(7));
  for (std::int64_t i = 8; i < 1000; ++i) {
    often.began(ann, devices(0), at(i));
    often.ended(ann, devices(0), at(i));
  }
  EXPECT_EQ(often.known(at(1000))[0].used, once.known(at(1000))[0].used);
}

TEST(Shares, PutThoseWhoHadLeastFirst) {
  Shares shares(halved_after(second * 1000));
  shares.know(bob, at(0));
  shares.know(ann, at(0));
  EXPECT_EQ(shares.order(at(0)), (std::vector<UserId>{ann, bob})) << "among equals by their ids";
  shares.began(ann, devices(1), at(0));
  EXPECT_EQ(shares.order(at(1)), (std::vector<UserId>{bob, ann}));
}

TEST(Shares, AreDividedByWeights) {
  Shares shares({.fair = true, .half_life = second * 1000, .weights = {{bob, 3}, {{9}, 0}}});
  shares.began(ann, devices(1), at(0));
  shares.began(bob, devices(2), at(0));
  EXPECT_EQ(shares.order(at(10)), (std::vector<UserId>{bob, ann})) << "2 / 3 is less than 1";
  shares.began(bob, devices(2), at(10));
  EXPECT_EQ(shares.order(at(100)), (std::vector<UserId>{ann, bob})) << "4 / 3 is more";
}

TEST(Shares, AreExactlyTheSameWhenTheyAreRestored) {
  const SharePolicy policy = halved_after(second * 100);
  Shares shares(policy);
  shares.began(ann, devices(3), at(13));
  shares.ended(ann, devices(3), at(57));
  shares.began(bob, devices(1), at(60));
  shares.ended(bob, devices(1), at(61));
  Shares restored(policy);
  restored.restore(shares.known(at(77)));
  const std::vector<UserShare> expected = shares.known(at(999));
  const std::vector<UserShare> actual = restored.known(at(999));
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i].user, expected[i].user);
    EXPECT_EQ(actual[i].used, expected[i].used);
  }
}

TEST(FairShares, LetWhoHadLessGoFirstWhateverThePriority) {
  World world{fair(0)};
  world.observe(box({24000}));
  const TaskId first = world.task({.request = whole(1), .user = ann});
  const TaskId again = world.task({.request = whole(1), .priority = 9, .user = ann});
  const TaskId other = world.task({.request = whole(1), .user = bob});
  world.submit();
  EXPECT_TRUE(world.runs(again)) << "within one user, priority decides";
  world.pass(second * 10);
  world.exits(again);
  EXPECT_TRUE(world.runs(other));
  world.pass(second);
  world.exits(other);
  EXPECT_TRUE(world.runs(first));
}

TEST(FairShares, DoNotTellUsersApartUnlessTheyAreWanted) {
  World world;
  world.observe(box({24000}));
  const TaskId first = world.task({.request = whole(1), .user = ann});
  const TaskId second_task = world.task({.request = whole(1), .user = ann});
  world.task({.request = whole(1), .user = bob});
  world.submit();
  world.pass(second * 10);
  world.exits(first);
  EXPECT_TRUE(world.runs(second_task));
}

TEST(FairShares, ChangeWhoIsTheHead) {
  World world{fair(1)};
  world.observe(box({24000, 24000}));
  world.task({.request = limited(whole(1), second * 60), .user = ann});
  const TaskId of_ann = world.task({.request = whole(2), .user = ann});
  const TaskId of_bob = world.task({.request = memory(20000, 2), .user = bob});
  world.submit();
  EXPECT_EQ(world.scheduler.reservations().at(0).task, of_ann);
  world.pass(second);
  EXPECT_EQ(world.scheduler.reservations().at(0).task, of_bob);
  EXPECT_EQ(world.scheduler.reservations().size(), 1U);
}

TEST(FairShares, ChangeTheOrderOfTwoHeads) {
  World world{fair(2)};
  world.observe(box({24000, 24000}));
  world.task({.request = limited(whole(1), second * 60), .user = ann});
  world.task({.request = limited(memory(20000), second * 30), .user = ann});
  const TaskId of_ann = world.task({.request = whole(1), .user = ann});
  const TaskId of_bob = world.task({.request = whole(1), .user = bob});
  world.submit();
  EXPECT_EQ(world.scheduler.reservations().at(0).task, of_ann);
  world.pass(second);
  ASSERT_EQ(world.scheduler.reservations().size(), 2U);
  EXPECT_EQ(world.scheduler.reservations().at(0).task, of_bob);
  EXPECT_EQ(world.scheduler.reservations().at(0).devices, std::vector<std::uint16_t>{1});
}

TEST(FairShares, AreTheSameAfterARestart) {
  World world{fair(0)};
  world.observe(box({24000, 24000}));
  const TaskId task = world.task({.request = whole(1), .user = ann});
  world.task({.request = whole(2), .user = bob});
  world.submit();
  world.started(task);
  world.pass(second * 47);
  World fresh{fair(0)};
  fresh.restore(world);
  fresh.observe(box({24000, 24000}));
  const Time later = world.now + second * 100;
  EXPECT_EQ(fresh.scheduler.shares(later).at(0).used, world.scheduler.shares(later).at(0).used);
  EXPECT_GT(fresh.scheduler.shares(later).at(0).used, 0);
}

}  // namespace
}  // namespace cattino::core
