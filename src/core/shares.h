// Fair shares: who among users had least lately.
//
// Use is counted in device-seconds (core-seconds for attempts without a device), in thousandths. What is
// past counts half after each half-life; what runs counts as far as it has run.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "core/policy.h"
#include "core/task.h"

namespace cattino::core {

/// What a user had up to `at`.
struct UserShare {
  UserId user;
  std::int64_t used = 0;  ///< thousandths of device-microseconds
  Time at;
};

class Shares {
 public:
  explicit Shares(SharePolicy policy) : policy_(std::move(policy)) {}

  [[nodiscard]] bool fair() const { return policy_.fair; }

  void know(UserId user, Time now) { uses_.try_emplace(user, Use{0, 0, now}); }
  void restore(const std::vector<UserShare>& shares);
  void began(UserId user, const Allocation& allocation, Time now);
  void ended(UserId user, const Allocation& allocation, Time now);

  /// All users of whom something is known, least first, by their weights; among equals by their ids.
  [[nodiscard]] std::vector<UserId> order(Time now) const;
  [[nodiscard]] std::vector<UserShare> known(Time now) const;

 private:
  struct Use {
    std::int64_t past = 0;  ///< thousandths of device-microseconds, up to `at`
    std::int64_t rate = 0;  ///< thousandths of devices that run
    Time at;
  };

  void settle(Use& use, Time now) const;
  [[nodiscard]] std::int64_t weight_of(UserId user) const;

  SharePolicy policy_;
  std::map<UserId, Use> uses_;
};

}  // namespace cattino::core
