// Counting what users use: see shares.h.
#include "core/shares.h"

#include <algorithm>
#include <utility>

namespace cattino::core {
namespace {

constexpr int most_halvings = 62;

/// Thousandths of devices; of cores where none is held.
std::int64_t rate_of(const Allocation& allocation) {
  const auto devices = static_cast<std::int64_t>(allocation.devices.size());
  return devices > 0 ? devices * 1000 : allocation.cpus.value;
}

}  // namespace

/// Adds what ran since, with a halving at the end of each half-life: it does not matter how often one asks.
void Shares::settle(Use& use, Time now) const {
  const std::int64_t half = std::max<std::int64_t>(1, policy_.half_life.us);
  for (int steps = 0; use.at < now; ++steps) {
    const Time boundary{(use.at.us / half + 1) * half};
    const Time until = std::min(boundary, now);
    use.past += use.rate * (until - use.at).us;
    use.at = until;
    if (until == boundary) {
      use.past /= 2;
    }
    if (steps == most_halvings) {
      use.at = now;  // what came before has long been forgotten
    }
  }
}

void Shares::restore(const std::vector<UserShare>& shares) {
  for (const UserShare& share : shares) {
    Use& use = uses_[share.user];
    use.past += share.used;
    use.at = std::max(use.at, share.at);
  }
}

void Shares::began(UserId user, const Allocation& allocation, Time now) {
  Use& use = uses_[user];
  settle(use, now);
  use.rate += rate_of(allocation);
}

void Shares::ended(UserId user, const Allocation& allocation, Time now) {
  Use& use = uses_[user];
  settle(use, now);
  use.rate -= rate_of(allocation);
}

std::int64_t Shares::weight_of(UserId user) const {
  for (const auto& [known, weight] : policy_.weights) {
    if (known == user) {
      return std::max<std::int64_t>(1, weight);
    }
  }
  return 1;
}

std::vector<UserId> Shares::order(Time now) const {
  std::vector<std::pair<std::int64_t, UserId>> ranked;
  for (const auto& [user, use] : uses_) {
    Use settled = use;
    settle(settled, now);
    ranked.emplace_back(settled.past / weight_of(user), user);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<UserId> users;
  users.reserve(ranked.size());
  for (const auto& [used, user] : ranked) {
    users.push_back(user);
  }
  return users;
}

std::vector<UserShare> Shares::known(Time now) const {
  std::vector<UserShare> shares;
  shares.reserve(uses_.size());
  for (const auto& [user, use] : uses_) {
    Use settled = use;
    settle(settled, now);
    shares.push_back({user, settled.past, now});
  }
  return shares;
}

}  // namespace cattino::core
