// Filling a cluster with pods of a trace.
#include "sim/trace.h"

#include <gtest/gtest.h>

namespace cattino::sim {
namespace {

constexpr std::string_view nodes =
    "sn,cpu_milli,memory_mib,gpu,model\na,8000,1000,2,X\nb,4000,1000,1,Y\r\n";
constexpr std::string_view pods =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"
    "p,1000,10,1,500,\n"
    "q,1000,10,1,1000,\n"
    "r,500,10,0,,\n";

Trace small() {
  return {*read_nodes(nodes), *read_pods(pods)};
}

TEST(Trace, ReadsHostsAndRequests) {
  const Trace trace = small();
  ASSERT_EQ(trace.hosts.size(), 2U);
  EXPECT_EQ(trace.hosts[0].devices.size(), 2U);
  EXPECT_EQ(trace.hosts[1].cpus, Millicores{4000});
  ASSERT_EQ(trace.pods.size(), 3U);
  EXPECT_EQ(trace.pods[0].memory.kind, MemoryRequest::Kind::share);
  EXPECT_EQ(trace.pods[0].memory.value, 500000);
  EXPECT_EQ(trace.pods[1].memory.kind, MemoryRequest::Kind::whole);
  EXPECT_EQ(trace.pods[2].min_devices, 0);
}

TEST(Trace, SaysWhereATableIsWrong) {
  const auto missing = read_nodes("sn,cpu_milli\na,1\n");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().field, "line 2, memory_mib");
  const auto bad = read_pods("cpu_milli,memory_mib,num_gpu,gpu_milli\n1,2,3,4\n1,2,x,4\n");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().field, "line 3, num_gpu");
}

TEST(Trace, CountsWhatIsExpected) {
  const auto expected = expected_of({small().pods[0], small().pods[1], small().pods[0]});
  ASSERT_EQ(expected.size(), 2U);
  EXPECT_EQ(expected[0].weight + expected[1].weight, 3);
}

TEST(Trace, NeverAllocatesMoreThanThereIsAndTheSameForASeed) {
  const Trace trace = small();
  core::Policy policy;
  policy.placement.rule = core::PlacementRule::fragmentation;
  policy.placement.expected = expected_of(trace.pods);
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Filling filling = fill(trace, policy, seed, 200);
    EXPECT_EQ(filling.gpus_milli, 3000);
    EXPECT_GE(filling.asked_milli, 6000);
    EXPECT_LE(filling.allocated_milli, filling.gpus_milli);
    EXPECT_GE(filling.allocated_milli, 2500);
    EXPECT_EQ(fill(trace, policy, seed, 200).allocated_milli, filling.allocated_milli);
  }
}

}  // namespace
}  // namespace cattino::sim
