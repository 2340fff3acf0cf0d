// The policies of placement.
#include "core/placement.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/fragmentation.h"

namespace cattino::core {
namespace {

/// More shapes than this are not remembered at once.
constexpr std::size_t most_shapes = 1024;
constexpr std::int64_t ppm = 1000000;

Room room_of(const Fit& fit) {
  Room room;
  room.cpus = fit.free_cpus();
  room.ram = fit.free_ram();
  for (const Device& device : fit.host().devices) {
    const bool counts = device.kind == DeviceKind::accelerator;
    room.slots.push_back(counts ? Room::Slot{fit.free_of(device), device.total} : Room::Slot{});
  }
  return room;
}

std::int64_t free_memory_of(const Fit& fit) {
  std::int64_t free = 0;
  for (const Device& device : fit.host().devices) {
    free += fit.free_of(device).value;
  }
  return free;
}

std::int64_t share(std::int64_t part, std::int64_t whole) {
  return whole <= 0 ? 0 : part * ppm / whole;
}

std::int64_t claims_of(const Fit& fit, const Request& request) {
  std::int64_t claims = 0;
  for (std::size_t i = 0; i < request.min_devices; ++i) {
    claims += claim_on(fit.host().devices[fit.fitting()[i]], request.memory).value;
  }
  return claims;
}

/// The least is left over: of memory of devices and of cores, each as a share of the largest host's.
std::int64_t left_over(const Fit& fit, const Request& request, const PlacementPolicy& policy) {
  const std::int64_t memory = free_memory_of(fit) - claims_of(fit, request);
  return share(memory, policy.largest_memory.value) +
         share(fit.free_cpus().value - fit.wanted_cpus().value, policy.largest_cpus.value);
}

/// What is free and what is asked for, multiplied: small where much of what is asked for is free.
std::int64_t product(const Fit& fit, const Request& request, const PlacementPolicy& policy) {
  const std::int64_t memory = share(free_memory_of(fit), policy.largest_memory.value);
  const std::int64_t cpus = share(fit.free_cpus().value, policy.largest_cpus.value);
  return memory * share(claims_of(fit, request), policy.largest_memory.value) / ppm +
         cpus * share(fit.wanted_cpus().value, policy.largest_cpus.value) / ppm;
}

/// The room after the request has taken the first devices that fit, or `only` of them.
Room room_after(
    const Fit& fit, Room room, const Request& request, std::optional<std::uint16_t> only) {
  room.cpus.value -= fit.wanted_cpus().value;
  room.ram -= request.ram;
  const auto take = [&](std::uint16_t index) {
    room.slots[index].free -= claim_on(fit.host().devices[index], request.memory);
  };
  if (only) {
    take(*only);
    return room;
  }
  std::for_each(fit.fitting().begin(), fit.fitting().begin() + request.min_devices, take);
  return room;
}

/// The growth of fragmentation; a request for a part of one device takes the one where it grows least.
std::int64_t fragment(Fit& fit, const Request& request, const PlacementPolicy& policy) {
  const Fragmentation fragmentation(policy);
  const Room before = room_of(fit);
  const std::int64_t was = fragmentation.of(before);
  if (request.min_devices != 1 || fit.fitting().size() == 1) {
    return fragmentation.of(room_after(fit, before, request, std::nullopt)) - was;
  }
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  std::uint16_t best = fit.fitting().front();
  std::vector<std::pair<Mib, Mib>> seen;  // devices with as much free and in all are alike
  for (const std::uint16_t index : fit.fitting()) {
    const std::pair alike{before.slots[index].free, before.slots[index].total};
    if (std::find(seen.begin(), seen.end(), alike) != seen.end()) {
      continue;
    }
    seen.push_back(alike);
    const std::int64_t grown = fragmentation.of(room_after(fit, before, request, index)) - was;
    if (grown < least) {
      least = grown;
      best = index;
    }
  }
  fit.prefer(best);
  return least;
}

}  // namespace

void Placement::changed(std::size_t position) {
  if (position < versions_.size()) {
    versions_[position] = ++last_version_;
  }
}

void Placement::changed_all() {
  versions_.clear();
  known_.clear();
}

std::uint64_t Placement::version_of(std::size_t position) {
  while (versions_.size() <= position) {
    versions_.push_back(++last_version_);
  }
  return versions_[position];
}

Placement::KnownOfHosts& Placement::known_of(const Request& request, std::size_t hosts) {
  version_of(hosts - 1);
  if (known_.size() >= most_shapes && known_.find(request) == known_.end()) {
    known_.clear();
  }
  KnownOfHosts& known = known_[request];
  known.resize(hosts);
  return known;
}

std::int64_t Placement::choose(Fit& fit, const Request& request) const {
  fit.prefer_close();
  switch (policy_.rule) {
    case PlacementRule::tight:
      return 0;
    case PlacementRule::first_fit:
      if (request.min_devices == 1) {
        fit.prefer(*std::min_element(fit.fitting().begin(), fit.fitting().end()));
      }
      return 0;
    case PlacementRule::best_fit:
      return left_over(fit, request, policy_);
    case PlacementRule::dot_product:
      return product(fit, request, policy_);
    case PlacementRule::fragmentation:
      return fragment(fit, request, policy_);
  }
  return 0;
}

Placement::Known Placement::look(
    const Host& host, const HostUse& use, const Request& request) const {
  Fit fit(host, &use, request);
  Known known;
  known.fits = fit.fits();
  if (known.fits) {
    known.cost.score = choose(fit, request);
    if (policy_.rule == PlacementRule::tight) {
      known.cost.rest = fit.cost();
    }
  }
  return known;
}

std::optional<Allocation> Placement::place(
    const std::vector<Host>& hosts,
    const std::vector<HostUse>& uses,
    const Request& request,
    const Instead& instead) {
  const auto use_of = [&](std::size_t i) -> const HostUse& {
    const auto found = instead.empty() ? instead.end() : instead.find(i);
    return found == instead.end() ? uses[i] : found->second;
  };
  if (hosts.empty()) {
    return std::nullopt;
  }
  if (hosts.size() == 1) {
    Fit fit(hosts[0], &use_of(0), request);  // nothing to compare
    if (!fit.fits()) {
      return std::nullopt;
    }
    choose(fit, request);
    return fit.allocation();
  }
  KnownOfHosts& known = known_of(request, hosts.size());
  std::size_t best = hosts.size();
  PlacementCost least;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (known[i].version != versions_[i]) {
      known[i] = look(hosts[i], uses[i], request);
      known[i].version = versions_[i];
    }
    if (!known[i].fits) {
      continue;
    }
    const bool other = instead.count(i) == 1;  // then it fits there at most
    const Known seen = other ? look(hosts[i], use_of(i), request) : known[i];
    if (seen.fits && (best == hosts.size() || seen.cost < least)) {
      best = i;
      least = seen.cost;
    }
  }
  if (best == hosts.size()) {
    return std::nullopt;
  }
  Fit fit(hosts[best], &use_of(best), request);
  choose(fit, request);
  return fit.allocation();
}

}  // namespace cattino::core
