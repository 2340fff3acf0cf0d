// The pool: all hosts, what running attempts hold of them, and where a request fits.
//
// Free memory of a device is total − used_by_others − claims. An accelerator asked for whole must be
// without claims and without strangers. On a host that has accelerators (in whatever health) only
// these are handed out; a `cpu` device is for hosts without any, is always shared, and its memory and
// `ram` are one amount: the host's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "core/counters.h"
#include "core/device.h"
#include "core/placement.h"
#include "core/reason.h"
#include "core/reservation.h"
#include "core/task.h"
#include "core/use.h"

namespace cattino::core {

class Pool {
 public:
  explicit Pool(PlacementPolicy policy = {}) : placement_(std::move(policy)) {}

  /// Takes the inventory of a host; what attempts hold of it stays held. True if a host that was known
  /// before can give other things now.
  bool observe(const Host& host);

  void declare(const std::vector<CounterAmount>& counters) { counters_.declare(counters); }

  /// Reservations, in order, that a task which comes after their owners must respect.
  using Reserved = std::vector<const Reservation*>;

  /// Where the request fits now, by the policy; among equals the lowest host, the lowest device. Nothing
  /// of what is `reserved` is touched, unless its time limit ends it before.
  [[nodiscard]] std::optional<Allocation> place(
      const Request& request, const Reserved& reserved = {}, Time now = {}) const;

  /// A host need not be known yet to be held: after a restart attempts may come before inventories.
  void take(TaskId task, const Hold& hold);
  void release(TaskId task, const Hold& hold);
  /// The attempt is being stopped: what it holds will soon be free.
  void note_ending(TaskId task, std::uint32_t host);

  /// What looking ahead for one request found on each host, remembered until the host changes.
  struct Outlooks {
    struct Known {
      std::uint64_t version = 0;
      bool possible = false;
      Time shadow;
      std::size_t missing = 0;
    };
    std::vector<Known> of;  ///< by position
  };

  /// On which host, and when, the request could start at the earliest if nothing new started. Of equals
  /// the host `stay_on`. None: nowhere, or not before strangers leave or devices get well.
  [[nodiscard]] std::optional<Reservation> look_ahead(
      TaskId task,
      const Request& request,
      const Reserved& reserved,
      std::optional<std::uint32_t> stay_on,
      Outlooks& outlooks) const;
  /// Whom to stop so that the request fits; see make_room.
  struct Room {
    std::uint32_t host = 0;
    std::vector<TaskId> victims;
  };
  [[nodiscard]] std::optional<Room> make_room(
      const Request& request,
      const Reserved& reserved,
      const std::function<bool(TaskId, const Hold&)>& may_stop) const;

  /// Could the request fit on this host, of which something was just freed? May say yes where it does
  /// not, never no where it does.
  [[nodiscard]] bool may_fit(const Request& request, std::uint32_t host) const;
  /// Grows with every change of what is held or there.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  /// Has every attempt that holds something a time limit?
  [[nodiscard]] bool all_limited() const { return unlimited_ == 0; }
  [[nodiscard]] bool any_preemptible() const { return preemptible_ > 0; }
  /// Is a device of these lost?
  [[nodiscard]] bool has_lost(const Allocation& allocation) const;
  /// The largest memory of a device, and of a host.
  [[nodiscard]] Mib largest_memory() const;
  [[nodiscard]] Mib largest_ram() const;

  /// Why the request does not fit now, for the host that comes nearest; kind `next` if it does fit.
  [[nodiscard]] Reason explain(const Request& request) const;

  /// What is wrong with the request even for empty hosts in good health, if anything is.
  [[nodiscard]] std::optional<Problem> infeasible(const Request& request) const;

  [[nodiscard]] const std::vector<Host>& hosts() const { return hosts_; }
  [[nodiscard]] const HostUse* use_of(std::uint32_t host) const;
  [[nodiscard]] const std::map<std::uint32_t, Holds>& holds() const { return holds_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }

  /// Aborts if an accelerator is held alone by two or claims exceed what there is.
  void check_invariants() const;

 private:
  HostUse& use_for(std::uint32_t host);
  /// Where the host is, or belongs.
  [[nodiscard]] std::size_t position_of(std::uint32_t host) const;
  [[nodiscard]] const Host* find_host(std::uint32_t host) const;
  [[nodiscard]] std::optional<Problem> infeasible_counter(const Request& request) const;
  [[nodiscard]] Outlook outlook(std::size_t position, const Reserved& reserved) const;

  std::vector<Host> hosts_;      ///< in order of ids
  std::vector<HostUse> uses_;    ///< of each of hosts_
  mutable Placement placement_;  ///< its memory of costs is no state
  std::map<std::uint32_t, HostUse>
      unseen_;  ///< held by restored attempts, of hosts not yet observed
  std::map<std::uint32_t, Holds> holds_;
  Counters counters_;
  std::uint64_t version_ = 0;
  std::uint64_t unlimited_ = 0;    ///< attempts without a time limit that hold something
  std::uint64_t preemptible_ = 0;  ///< attempts that may be stopped and hold something
};

}  // namespace cattino::core
