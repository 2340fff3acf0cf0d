// What ends next on a simulated clock.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace cattino::sim {

/// Later than anything that happens.
constexpr Time never{std::numeric_limits<std::int64_t>::max()};

/// Attempts that run, by their ends; what ends at once ends in the order in which it began.
class Ends {
 public:
  void add(Time at, AttemptId attempt) { ends_.push({at, ++last_order_, attempt}); }

  [[nodiscard]] bool empty() const { return ends_.empty(); }
  /// `never` if nothing runs.
  [[nodiscard]] Time next() const { return ends_.empty() ? never : ends_.top().at; }
  /// The first, which is there.
  AttemptId take() {
    const AttemptId attempt = ends_.top().attempt;
    ends_.pop();
    return attempt;
  }

 private:
  struct End {
    Time at;
    std::uint64_t order = 0;
    AttemptId attempt;
    bool operator>(const End& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  std::uint64_t last_order_ = 0;
};

}  // namespace cattino::sim
