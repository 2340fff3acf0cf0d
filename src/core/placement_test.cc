// Which host and device a request gets, by each policy.
#include <gtest/gtest.h>

#include "base/dice.h"
#include "core/fragmentation.h"
#include "core/pool.h"
#include "core/test_world.h"

namespace cattino::core {
namespace {

PlacementPolicy rule(PlacementRule which) {
  PlacementPolicy policy;
  policy.rule = which;
  policy.largest_memory = {2000};
  policy.largest_cpus = {8000};
  return policy;
}

Request part(std::int64_t mib, std::int64_t millicores = 0) {
  return {1, {MemoryRequest::Kind::mib, mib}, {millicores}, {}};
}

/// "host:device,device"; "none".
std::string place_of(const Pool& pool, const Request& request) {
  const std::optional<Allocation> allocation = pool.place(request);
  if (!allocation) {
    return "none";
  }
  std::string text = std::to_string(allocation->host) + ":";
  for (const std::uint16_t device : allocation->devices) {
    text += (text.back() == ':' ? "" : ",") + std::to_string(device);
  }
  return text;
}

void take(Pool& pool, std::uint64_t task, const Request& request) {
  pool.take({task}, hold_of(*pool.place(request)));
}

TEST(Placement, FirstFitTakesTheLowest) {
  Pool pool(rule(PlacementRule::first_fit));
  pool.observe(box({1000, 1000}, 8, 0));
  pool.observe(box({1000}, 8, 1));
  take(pool, 1, part(600));
  EXPECT_EQ(place_of(pool, part(600)), "0:1");
  EXPECT_EQ(place_of(pool, part(300)), "0:0");
}

TEST(Placement, BestFitTakesTheHostWithTheLeastLeft) {
  Pool pool(rule(PlacementRule::best_fit));
  pool.observe(box({1000, 1000}, 8, 0));
  pool.observe(box({1000}, 4, 1));
  EXPECT_EQ(place_of(pool, part(600)), "1:0");
}

TEST(Placement, DotProductTakesTheHostWhereLeastOfWhatIsAskedForIsFree) {
  Pool pool(rule(PlacementRule::dot_product));
  pool.observe(box({1000, 1000}, 2, 0));
  pool.observe(box({1000}, 8, 1));
  EXPECT_EQ(place_of(pool, part(900, 100)), "1:0");
  EXPECT_EQ(place_of(pool, part(100, 2000)), "0:0");
}

TEST(Placement, FragmentationKeepsWholeDevicesForThoseWhoWantThem) {
  PlacementPolicy policy = rule(PlacementRule::fragmentation);
  policy.expected = {{whole(1), 3}, {part(400), 1}};
  Pool pool(policy);
  pool.observe(box({1000, 1000}, 64, 0));
  pool.observe(box({1000, 1000}, 64, 1));
  take(pool, 1, part(500));
  EXPECT_EQ(place_of(pool, part(400)), place_of(pool, part(500)));
  EXPECT_EQ(place_of(pool, whole(2)), "1:0,1");
}

TEST(Placement, FragmentationSendsWhatNeedsCoresWhereCoresAreLeftOver) {
  PlacementPolicy policy = rule(PlacementRule::fragmentation);
  policy.expected = {{part(500, 2000), 1}};
  Pool pool(policy);
  pool.observe(box({1000, 1000}, 8, 0));   // four such requests use up its cores and its devices
  pool.observe(box({1000, 1000}, 32, 1));  // this one has cores to spare
  EXPECT_EQ(place_of(pool, part(500, 4000)), "1:0");
}

TEST(Placement, ADriversOtherDevicesAreNoRoom) {
  Fragmentation fragmentation(rule(PlacementRule::fragmentation));
  EXPECT_EQ(fragmentation.of({{1000}, {}, {{{0}, {0}}}}), 0);
}

/// What is remembered of hosts never changes an answer.
TEST(Placement, RemembersNothingThatIsNotSoAnyMore) {
  for (const PlacementRule which :
       {PlacementRule::tight, PlacementRule::best_fit, PlacementRule::fragmentation}) {
    PlacementPolicy policy = rule(which);
    policy.expected = {{whole(1), 2}, {part(300, 1000), 1}, {whole(2), 1}};
    Dice dice(7);
    Pool pool(policy);
    std::vector<Host> hosts;
    for (std::uint32_t id = 0; id < 6; ++id) {
      hosts.push_back(box(std::vector<std::int64_t>(1 + dice.below(3), 1000), 4, id));
      pool.observe(hosts.back());
    }
    std::map<std::uint64_t, Allocation> held;
    for (std::uint64_t round = 1; round <= 600; ++round) {
      const Request request = dice.one_in(3)
                                  ? whole(static_cast<std::uint16_t>(1 + dice.below(2)))
                                  : part(static_cast<std::int64_t>(100 * (1 + dice.below(9))), 500);
      Pool fresh(policy);
      for (const Host& host : hosts) {
        fresh.observe(host);
      }
      for (const auto& [task, allocation] : held) {
        fresh.take({task}, hold_of(allocation));
      }
      ASSERT_EQ(place_of(pool, request), place_of(fresh, request));
      if (const auto allocation = pool.place(request)) {
        pool.take({round}, hold_of(*allocation));
        held[round] = *allocation;
      }
      if (!held.empty() && dice.one_in(2)) {
        const auto gone = held.begin();
        pool.release({gone->first}, hold_of(gone->second));
        held.erase(gone);
      }
      if (dice.one_in(10)) {
        Host& host = hosts[dice.below(hosts.size())];
        host.devices[0].health = dice.one_in(2) ? DeviceHealth::lost : DeviceHealth::ok;
        pool.observe(host);
      }
    }
  }
}

}  // namespace
}  // namespace cattino::core
