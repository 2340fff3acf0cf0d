// The pool: all hosts, what running attempts hold of them, and where a request fits.
//
// Free memory of a device is total − used_by_others − claims. An accelerator asked for whole must be
// without claims and without strangers. On a host that has accelerators (in whatever health) only
// these are handed out; a `cpu` device is for hosts without any, is always shared, and its memory and
// `ram` are one amount: the host's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/device.h"
#include "core/placement.h"
#include "core/reason.h"
#include "core/task.h"
#include "core/use.h"

namespace cattino::core {

class Pool {
 public:
  explicit Pool(PlacementPolicy policy = {}) : placement_(std::move(policy)) {}

  /// Takes the inventory of a host; what attempts hold of it stays held. True if a host that was known
  /// before can give other things now.
  bool observe(const Host& host);

  /// Where the request fits now, by the policy; among equals the lowest host, the lowest device.
  [[nodiscard]] std::optional<Allocation> place(const Request& request) const;

  /// A host need not be known yet to be held: after a restart attempts may come before inventories.
  void take(TaskId task, const Allocation& allocation);
  void release(TaskId task, const Allocation& allocation);

  /// Why the request does not fit now, for the host that comes nearest; kind `next` if it does fit.
  [[nodiscard]] Reason explain(const Request& request) const;

  /// What is wrong with the request even for empty hosts in good health, if anything is.
  [[nodiscard]] std::optional<Problem> infeasible(const Request& request) const;

  [[nodiscard]] const std::vector<Host>& hosts() const { return hosts_; }
  [[nodiscard]] const HostUse* use_of(std::uint32_t host) const;

  /// Aborts if an accelerator is held alone by two or claims exceed what there is.
  void check_invariants() const;

 private:
  HostUse& use_for(std::uint32_t host);
  [[nodiscard]] std::size_t position_of(std::uint32_t host) const;

  std::vector<Host> hosts_;      ///< in order of ids
  std::vector<HostUse> uses_;    ///< of each of hosts_
  mutable Placement placement_;  ///< its memory of costs is no state
  std::map<std::uint32_t, HostUse>
      unseen_;  ///< held by restored attempts, of hosts not yet observed
};

}  // namespace cattino::core
