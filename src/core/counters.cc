// The arithmetic of counters.
#include "core/counters.h"

#include <algorithm>

#include "base/check.h"
#include "core/planted.h"

namespace cattino::core {

std::int64_t amount_of(const Request& request, const std::string& counter) {
  const auto found = std::find_if(
      request.counters.begin(), request.counters.end(), [&counter](const CounterAmount& wanted) {
        return wanted.name == counter;
      });
  return found == request.counters.end() ? 0 : found->amount;
}

void Counters::declare(const std::vector<CounterAmount>& totals) {
  for (auto& [name, counter] : counters_) {
    counter.total = 0;
  }
  for (const CounterAmount& declared : totals) {
    counters_[declared.name].total = declared.amount;
  }
}

std::optional<CounterAmount> Counters::shortage(const Request& request) const {
  for (const CounterAmount& wanted : request.counters) {
    const auto found = counters_.find(wanted.name);
    const Counter counter = found == counters_.end() ? Counter{} : found->second;
    if (counter.total - counter.used < wanted.amount) {
      return CounterAmount{wanted.name, std::max<std::int64_t>(0, counter.total - counter.used)};
    }
  }
  return std::nullopt;
}

std::optional<CounterAmount> Counters::infeasible(const Request& request) const {
  for (const CounterAmount& wanted : request.counters) {
    const auto found = counters_.find(wanted.name);
    const std::int64_t total = found == counters_.end() ? 0 : found->second.total;
    if (total < wanted.amount) {
      return CounterAmount{wanted.name, total};
    }
  }
  return std::nullopt;
}

void Counters::take(const Request& request) {
  for (const CounterAmount& wanted : request.counters) {
    counters_[wanted.name].used += wanted.amount;
  }
}

void Counters::release(const Request& request) {
  bool held = true;
  for (const CounterAmount& one : request.counters) {
    Counter& counter = counters_[one.name];
    counter.used -= planted(Fault::leaked_counter) ? 0 : one.amount;
    held = held && counter.used >= 0;
  }
  CHECK(held);
}

void Counters::raise_to(const Counters& other) {
  for (const auto& [name, counter] : other.counters_) {
    counters_[name].used = std::max(counters_[name].used, counter.used);
  }
}

bool Counters::less_anywhere(const Counters& other) const {
  return std::any_of(other.counters_.begin(), other.counters_.end(), [this](const auto& entry) {
    const auto found = counters_.find(entry.first);
    return (found == counters_.end() ? 0 : found->second.used) < entry.second.used;
  });
}

bool Counters::holds(const std::map<std::string, std::int64_t>& expected) const {
  return std::all_of(counters_.begin(), counters_.end(), [&expected](const auto& entry) {
    const auto found = expected.find(entry.first);
    return entry.second.used == (found == expected.end() ? 0 : found->second);
  });
}

}  // namespace cattino::core
