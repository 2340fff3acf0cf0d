// meow-sim starvation: a task for all devices in a stream of small ones, by policies side by side.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/core.h>

#include "base/text.h"
#include "sim/commands.h"
#include "sim/starvation.h"

namespace cattino::sim {
namespace {

namespace json = boost::json;

struct Named {
  const char* name = nullptr;
  core::ReservationPolicy reservations;
};

const std::array policies{
    Named{"fifo", {.backfill = false}},  // nothing overtakes the first that does not fit
    Named{"none", {.depth = 0}},         // all that fits starts, nothing is kept for anybody
    Named{"cattino", {}},                // as the daemon
};

json::value time_or_null(const std::optional<Duration>& time) {
  return time.has_value() ? json::value(time->us) : json::value(nullptr);
}

json::object object_of(const Named& policy, const Stream& stream, const Starvation& starvation) {
  json::array timeline;
  for (const StreamSpan& span : starvation.spans) {
    timeline.push_back(json::object{
        {"task", span.task},
        {"submitted_us", span.submitted.us},
        {"start_us", span.start.us},
        {"end_us", span.end.us},
        {"limit_us", span.limit.us},
        {"devices", json::array(span.devices.begin(), span.devices.end())}});
  }
  return {
      {"policy", policy.name},
      {"seed", stream.seed},
      {"limits", stream.limits},
      {"devices", stream_devices},
      {"task", starvation.gang},
      {"submitted_us", gang_comes.us},
      {"reserved_us", time_or_null(starvation.reserved)},
      {"bound_us", time_or_null(bound_of(starvation))},
      {"started_us", time_or_null(starvation.started)},
      {"used", used_while_waiting(starvation)},
      {"timeline", std::move(timeline)}};
}

struct Times {
  std::int64_t count = 0;
  Duration sum;
  Duration worst;

  void note(Duration time) {
    ++count;
    sum = sum + time;
    worst = std::max(worst, time);
  }
};

/// Mean and worst of what one policy did to all streams.
class Row {
 public:
  explicit Row(const char* name) : name_(name) {}

  void add(const Starvation& starvation) {
    const Duration until = starvation.started.value_or(gang_comes + gang_patience);
    started_ += starvation.started.has_value() ? 1 : 0;
    waits_.note(until - gang_comes);
    if (const auto bound = bound_of(starvation); bound.has_value()) {
      bounds_.note(*bound - gang_comes);
      late_ += until > *bound ? 1 : 0;
    }
    const double used = used_while_waiting(starvation);
    used_ += used;
    least_used_ = std::min(least_used_, used);
  }

  void print() const {
    const std::string more = started_ < waits_.count ? "> " : "";
    fmt::print(
        "{:<8} {:>4} of {:<4} {:>12} {:>12} {:>12} {:>12} {:>7.1f} % {:>6.1f} %\n",
        name_,
        started_,
        waits_.count,
        more + mean_of(waits_),
        more + describe(waits_.worst),
        bounds_.count > 0 ? mean_of(bounds_) : "-",
        bounds_.count > 0 ? describe(bounds_.worst) : "-",
        100 * used_ / static_cast<double>(waits_.count),
        100 * least_used_);
  }

  [[nodiscard]] bool in_bounds() const { return late_ == 0; }

 private:
  static std::string mean_of(const Times& times) {
    return describe(Duration{times.sum.us / times.count});
  }

  const char* name_;
  std::int64_t started_ = 0;
  std::int64_t late_ = 0;
  Times waits_;
  Times bounds_;  ///< of those for which room was kept
  double used_ = 0;
  double least_used_ = 1;
};

/// Each stream under one policy.
void run_streams(
    const Named& policy, const StarvationOptions& options, Row& row, json::array& results) {
  for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed) {
    const Stream stream{seed, options.limits};
    const Starvation starvation = starve({.reservations = policy.reservations}, stream);
    row.add(starvation);
    if (options.json) {
      results.push_back(object_of(policy, stream, starvation));
    }
  }
}

}  // namespace

int show_starvation(const StarvationOptions& options) {
  json::array results;
  if (!options.json) {
    fmt::print(
        "{:<8} {:>12} {:>12} {:>12} {:>12} {:>12} {:>9} {:>8}\n",
        "POLICY",
        "STARTED",
        "WAIT",
        "WORST",
        "BOUND",
        "WORST",
        "USED",
        "LEAST");
  }
  bool in_bounds = true;
  for (const Named& policy : policies) {
    Row row(policy.name);
    run_streams(policy, options, row, results);
    in_bounds = in_bounds && row.in_bounds();
    if (!options.json) {
      row.print();
    }
  }
  if (options.json) {
    fmt::print("{}\n", json::serialize(results));
  }
  return in_bounds ? 0 : exit_mismatch;
}

}  // namespace cattino::sim
