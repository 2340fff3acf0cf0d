// Policies and counters of a scenario: see read_policy.h.
#include "sim/read_policy.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/core.h>

namespace cattino::sim {
namespace {

Result<bool> parse_switch(std::string_view text) {
  if (text == "on" || text == "off") {
    return text == "on";
  }
  return wrong(fmt::format("'{}' is neither on nor off", text));
}

Result<core::Order> parse_order(std::string_view text) {
  if (text == "submission" || text == "critical-path") {
    return text == "submission" ? core::Order::submission : core::Order::critical_path;
  }
  return wrong(fmt::format("'{}' is no order: submission, critical-path", text));
}

/// "2:3": user 2 is due three times as much.
Result<std::pair<UserId, std::int64_t>> parse_weight(std::string_view text) {
  const std::size_t colon = text.find(':');
  const Result<std::int64_t> user = parse_number(text.substr(0, colon));
  const Result<std::int64_t> weight =
      parse_number(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  if (!user || !weight || *user < 0) {
    return wrong("it is written: weight USER:NUMBER");
  }
  return std::pair{UserId{static_cast<std::uint64_t>(*user)}, *weight};
}

Status read_word(const std::string& what, Words& words, core::Policy& policy) {
  if (what == "reservations") {
    return words.take_whole(policy.reservations.depth);
  }
  if (what == "reserve-after") {
    return words.take_duration(policy.reservations.after);
  }
  if (what == "backfill") {
    return words.take_as(policy.reservations.backfill, parse_switch);
  }
  if (what == "order") {
    return words.take_as(policy.order, parse_order);
  }
  if (what == "aging") {
    return words.take_duration(policy.aging);
  }
  if (what == "fair") {
    policy.shares.fair = true;
    return ok();
  }
  if (what == "half-life") {
    return words.take_duration(policy.shares.half_life);
  }
  if (what == "weight") {
    return words.take_as(policy.shares.weights.emplace_back(), parse_weight);
  }
  return wrong(fmt::format("there is no policy '{}'", what));
}

}  // namespace

Status read_policy(Words& words, core::Policy& policy) {
  do {
    if (Status status = read_word(words.take(), words, policy); !status) {
      return status;
    }
  } while (words.more());
  return ok();
}

Status read_counter(Words& words, std::vector<core::CounterAmount>& counters) {
  core::CounterAmount counter;
  counter.name = words.take();
  const bool known = std::any_of(counters.begin(), counters.end(), [&counter](const auto& one) {
    return one.name == counter.name;
  });
  if (known) {
    return wrong(fmt::format("'{}' is there already", counter.name));
  }
  if (Status status = words.take_number(counter.amount); !status) {
    return status;
  }
  counters.push_back(std::move(counter));
  return ok();
}

}  // namespace cattino::sim
