// Where a request goes: which host, and which of its devices, by the policy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/device.h"
#include "core/fit.h"
#include "core/policy.h"
#include "core/use.h"

namespace cattino::core {

/// What placing a request on a host costs; smaller is better.
struct PlacementCost {
  std::int64_t score = 0;  ///< by the policy; 0 for all: only the rest counts
  Fit::Cost rest;
  friend auto operator<=>(const PlacementCost&, const PlacementCost&) = default;
};

/// Remembers what each shape of request costs on each host until the host changes, so that a placement
/// costs a look at what has changed and a comparison a host.
class Placement {
 public:
  explicit Placement(PlacementPolicy policy = {}) : policy_(std::move(policy)) {}

  /// What counts instead of what is held of the host at a position.
  using Instead = std::map<std::size_t, HostUse>;

  /// The best place in `hosts`, of which `uses` are held, but `instead` of some; none: it does not fit
  /// anywhere.
  std::optional<Allocation> place(
      const std::vector<Host>& hosts,
      const std::vector<HostUse>& uses,
      const Request& request,
      const Instead& instead);

  /// Forgets what was remembered of a host, by its position; of all, when positions have changed.
  void changed(std::size_t position);
  void changed_all();
  /// Another one after each change of the host.
  std::uint64_t version_of(std::size_t position);

 private:
  struct Known {
    std::uint64_t version = 0;  ///< of the host; 0: nothing is known
    bool fits = false;
    PlacementCost cost;
  };
  using KnownOfHosts = std::vector<Known>;

  KnownOfHosts& known_of(const Request& request, std::size_t hosts);
  [[nodiscard]] Known look(const Host& host, const HostUse& use, const Request& request) const;
  std::int64_t choose(Fit& fit, const Request& request) const;

  PlacementPolicy policy_;
  std::vector<std::uint64_t> versions_;  ///< of hosts, by position
  std::uint64_t last_version_ = 0;
  std::map<Request, KnownOfHosts> known_;
};

}  // namespace cattino::core
