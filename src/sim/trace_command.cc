// meow-sim trace: how full policies of placement make a cluster.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/core.h>

#include "sim/commands.h"
#include "sim/trace.h"

namespace cattino::sim {
namespace {

namespace json = boost::json;
using core::PlacementRule;

struct Named {
  const char* name;
  PlacementRule rule;
  std::int64_t stranded_weight;
  std::int64_t unpacked_weight;
};

constexpr std::array rules{
    Named{"first-fit", PlacementRule::first_fit, 0, 0},
    Named{"best-fit", PlacementRule::best_fit, 0, 0},
    Named{"dot-product", PlacementRule::dot_product, 0, 0},
    Named{"fgd", PlacementRule::fragmentation, 1, 0},
    Named{"cattino", PlacementRule::fragmentation, 3, 1},
};

core::Policy policy_of(const Named& rule, const std::vector<core::Expected>& expected) {
  core::Policy policy;
  policy.placement.rule = rule.rule;
  policy.placement.stranded_weight = rule.stranded_weight;
  policy.placement.unpacked_weight = rule.unpacked_weight;
  policy.placement.expected = expected;
  return policy;
}

double percent_of(const Filling& filling) {
  return 100.0 * static_cast<double>(filling.allocated_milli) /
         static_cast<double>(filling.gpus_milli);
}

/// Mean and standard deviation.
std::pair<double, double> summary(const std::vector<double>& values) {
  double mean = 0;
  for (const double value : values) {
    mean += value / static_cast<double>(values.size());
  }
  double variance = 0;
  for (const double value : values) {
    variance += (value - mean) * (value - mean) / static_cast<double>(values.size());
  }
  return {mean, std::sqrt(variance)};
}

Result<Trace> read_trace(const TraceOptions& options, std::string& at) {
  Trace trace;
  auto hosts = read_as(options.nodes, at, read_nodes);
  if (!hosts) {
    return hosts.error();
  }
  auto requests = read_as(options.pods, at, read_pods);
  if (!requests) {
    return requests.error();
  }
  trace.hosts = std::move(*hosts);
  trace.pods = std::move(*requests);
  const bool asks = std::any_of(trace.pods.begin(), trace.pods.end(), [](const core::Request& pod) {
    return pod.min_devices > 0;
  });
  if (!asks) {
    return Error{
        ErrorCode::invalid, "no pod asks for a GPU: the cluster would never be full", {}, {}};
  }
  return trace;
}

}  // namespace

std::vector<std::string> placement_names() {
  std::vector<std::string> names;
  names.reserve(rules.size());
  for (const Named& rule : rules) {
    names.emplace_back(rule.name);
  }
  return names;
}

int fill_cluster(const TraceOptions& options) {
  std::string at;
  const Result<Trace> trace = read_trace(options, at);
  if (!trace) {
    return complain(at, trace.error());
  }
  const std::vector<core::Expected> expected = expected_of(trace->pods);
  json::array results;
  if (!options.json) {
    fmt::print(
        "{:<12} {:>10} {:>8} {:>8} {:>8}\n", "PLACEMENT", "ALLOCATED", "SPREAD", "LEAST", "MOST");
  }
  for (const Named& rule : rules) {
    if (!options.placement.empty() && options.placement != rule.name) {
      continue;
    }
    const core::Policy policy = policy_of(rule, expected);
    std::vector<double> shares;
    for (std::uint64_t seed = 1; seed <= options.seeds; ++seed) {
      const Filling filling = fill(*trace, policy, seed, options.percent);
      shares.push_back(percent_of(filling));
      results.push_back(json::object{
          {"placement", rule.name},
          {"seed", seed},
          {"gpus_milli", filling.gpus_milli},
          {"asked_milli", filling.asked_milli},
          {"allocated_milli", filling.allocated_milli},
          {"pods", filling.pods},
          {"placed", filling.placed}});
    }
    if (!options.json) {
      const auto [mean, spread] = summary(shares);
      fmt::print(
          "{:<12} {:>8.2f} % {:>8.2f} {:>8.2f} {:>8.2f}\n",
          rule.name,
          mean,
          spread,
          *std::min_element(shares.begin(), shares.end()),
          *std::max_element(shares.begin(), shares.end()));
    }
  }
  if (options.json) {
    fmt::print("{}\n", json::serialize(results));
  }
  return 0;
}

}  // namespace cattino::sim
