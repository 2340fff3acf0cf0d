// Named counters that the user declared: licences, slots. They belong to the pool, not to a host.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/task.h"

namespace cattino::core {

/// How much of a counter the request asks for.
std::int64_t amount_of(const Request& request, const std::string& counter);

class Counters {
 public:
  /// All there are; what is held stays held, also of those that are gone.
  void declare(const std::vector<CounterAmount>& totals);

  /// The first that is short, with what is free of it; none: the request fits.
  [[nodiscard]] std::optional<CounterAmount> shortage(const Request& request) const;
  /// The first that could never do, with its total; none: the request could be met.
  [[nodiscard]] std::optional<CounterAmount> infeasible(const Request& request) const;

  void take(const Request& request);
  void release(const Request& request);

  /// The larger of both uses, counter by counter.
  void raise_to(const Counters& other);

  /// Is less of any used than there?
  [[nodiscard]] bool less_anywhere(const Counters& other) const;

  /// Is as much held as these requests ask for?
  [[nodiscard]] bool holds(const std::map<std::string, std::int64_t>& expected) const;

 private:
  struct Counter {
    std::int64_t total = 0;
    std::int64_t used = 0;
  };
  std::map<std::string, Counter> counters_;
};

}  // namespace cattino::core
