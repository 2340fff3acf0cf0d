// The pool of hosts and claims: see pool.h.
#include "core/pool.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "core/fit.h"
#include "core/planted.h"

namespace cattino::core {
namespace {

/// An inventory may shrink under attempts that run (a daemon started with other declared devices):
/// what they hold stays allowed.
void note_limits(const Host& host, HostUse& use) {
  if (use.devices.size() < host.devices.size()) {
    use.devices.resize(host.devices.size());
  }
  for (const Device& device : host.devices) {
    DeviceUse& held = use.devices[device.index];
    held.limit = std::max({held.limit, device.total, held.claimed});
  }
}

bool is_numbered(const Host& host) {
  for (std::size_t i = 0; i < host.devices.size(); ++i) {
    if (host.devices[i].index != i) {
      return false;
    }
  }
  return true;
}

/// Can tasks be given the same there? Apart from what others use just now.
bool gives_alike(const Host& a, const Host& b) {
  return a.cpus == b.cpus && a.ram == b.ram &&
         std::equal(
             a.devices.begin(),
             a.devices.end(),
             b.devices.begin(),
             b.devices.end(),
             [](const Device& x, const Device& y) {
               return x.health == y.health && x.kind == y.kind && x.total == y.total;
             });
}

void check_use(const DeviceUse& use) {
  CHECK(use.claimed.value >= 0 && use.claimed <= use.limit);
  CHECK(!use.whole || use.holders.size() == 1);
  CHECK(!use.holders.empty() || use.claimed.value == 0);
}

void check_host_use(const HostUse& use) {
  CHECK(use.cpus.value >= 0 && use.ram.value >= 0);
  std::for_each(use.devices.begin(), use.devices.end(), check_use);
}

Mib largest_device(const Host& host) {
  Mib largest;
  for (const Device& device : host.devices) {
    largest = std::max(largest, device.total);
  }
  return largest;
}

/// What the request lacks on this empty host too. The problem is what the host that comes furthest
/// lacks: devices come before cores, cores before memory.
void note_shortage(const Fit& fit, Problem& problem) {
  Problem::Kind lacks = Problem::Kind::infeasible_devices;
  if (fit.devices_fit()) {
    lacks = fit.cpus_fit() ? Problem::Kind::infeasible_ram : Problem::Kind::infeasible_cpus;
    problem.most_cpus = std::max(problem.most_cpus, fit.host().cpus);
    problem.most_ram = std::max(problem.most_ram, fit.host().ram);
  }
  problem.kind = std::max(problem.kind, lacks);
  const auto most = static_cast<std::uint16_t>(fit.fitting().size());
  if (std::pair(most, fit.eligible()) >= std::pair(problem.most, problem.of)) {
    problem.most = most;
    problem.of = fit.eligible();
    problem.largest = std::max(problem.largest, largest_device(fit.host()));
  }
}

bool is_nothing(const Hold& hold) {
  return hold.allocation->is_nothing() && hold.request->counters.empty();
}

/// Without the version.
Pool::Outlooks::Known known_of(const std::optional<Reservation>& here) {
  return here.has_value() ? Pool::Outlooks::Known{0, true, here->shadow, here->missing}
                          : Pool::Outlooks::Known{};
}

/// Device by device, as the request sees the host.
std::vector<DeviceView> views_of(const Fit& fit, const HostUse& use) {
  std::vector<DeviceView> views;
  for (const Device& device : fit.host().devices) {
    DeviceView& view = views.emplace_back();
    view.index = device.index;
    view.fits = fit.can_take(device.index);
    view.total = device.total;
    view.free = fit.free_of(device);
    if (device.index < use.devices.size()) {
      view.holders = use.devices[device.index].holders;
    }
  }
  return views;
}

}  // namespace

std::size_t Pool::position_of(std::uint32_t host) const {
  const auto found =
      std::lower_bound(hosts_.begin(), hosts_.end(), host, [](const Host& a, std::uint32_t id) {
        return a.id < id;
      });
  return static_cast<std::size_t>(found - hosts_.begin());
}

/// Null: not known.
const Host* Pool::find_host(std::uint32_t host) const {
  const std::size_t position = position_of(host);
  const bool is_there = position < hosts_.size() && hosts_[position].id == host;
  return is_there ? &hosts_[position] : nullptr;
}

const HostUse* Pool::use_of(std::uint32_t host) const {
  if (find_host(host) != nullptr) {
    return &uses_[position_of(host)];
  }
  const auto unseen = unseen_.find(host);
  return unseen == unseen_.end() ? nullptr : &unseen->second;
}

HostUse& Pool::use_for(std::uint32_t host) {
  return find_host(host) != nullptr ? uses_[position_of(host)] : unseen_[host];
}

bool Pool::observe(const Host& host) {
  CHECK(is_numbered(host));
  ++version_;
  const std::size_t position = position_of(host.id);
  if (find_host(host.id) != nullptr) {
    const bool gives_other = !gives_alike(hosts_[position], host);
    hosts_[position] = host;
    note_limits(host, uses_[position]);
    placement_.changed(position);
    return gives_other;
  }
  const auto offset = static_cast<std::ptrdiff_t>(position);
  hosts_.insert(hosts_.begin() + offset, host);
  uses_.insert(uses_.begin() + offset, HostUse{});
  if (const auto unseen = unseen_.find(host.id); unseen != unseen_.end()) {
    uses_[position] = unseen->second;
    unseen_.erase(unseen);
  }
  note_limits(host, uses_[position]);
  placement_.changed_all();
  return false;
}

std::optional<Allocation> Pool::place(
    const Request& request, const Reserved& reserved, Time now) const {
  const auto ends_before = [&request, now](const Reservation* reservation) {
    return request.time_limit.us > 0 && reservation->shadow &&
           now + request.time_limit <= reservation->shadow;
  };
  if (std::all_of(reserved.begin(), reserved.end(), ends_before)) {
    const bool short_of = counters_.shortage(request).has_value();
    return short_of ? std::nullopt : placement_.place(hosts_, uses_, request, {});
  }
  Counters counters = counters_;
  Placement::Instead instead;
  for (const Reservation* reservation : reserved) {
    counters.raise_to(reservation->counters);
    const std::size_t position = position_of(reservation->host);
    const auto before = instead.find(position);
    const HostUse& now_held = before == instead.end() ? uses_[position] : before->second;
    HostUse both = larger(now_held, reservation->later);
    instead[position] = std::move(both);
  }
  if (counters.shortage(request).has_value()) {
    return std::nullopt;
  }
  return placement_.place(hosts_, uses_, request, instead);
}

void Pool::take(TaskId task, const Hold& hold) {
  if (is_nothing(hold)) {
    return;
  }
  ++version_;
  unlimited_ += hold.end ? 0U : 1U;
  preemptible_ += hold.preemptible ? 1U : 0U;
  counters_.take(*hold.request);
  use_for(hold.allocation->host).take(task, *hold.allocation);
  holds_[hold.allocation->host][task] = hold;
  placement_.changed(position_of(hold.allocation->host));
}

void Pool::release(TaskId task, const Hold& hold) {
  if (is_nothing(hold)) {
    return;
  }
  ++version_;
  const std::uint32_t host = hold.allocation->host;
  const auto held = holds_[host].find(task);
  CHECK(held != holds_[host].end());
  unlimited_ -= held->second.end ? 0U : 1U;
  preemptible_ -= held->second.preemptible ? 1U : 0U;
  holds_[host].erase(held);
  counters_.release(*hold.request);
  if (!planted(Fault::leak)) {
    use_for(host).release(task, *hold.allocation);
  }
  placement_.changed(position_of(host));
}

void Pool::note_ending(TaskId task, std::uint32_t host) {
  const auto held = holds_[host].find(task);
  if (held != holds_[host].end()) {
    ++version_;
    held->second.ending = true;
    placement_.changed(position_of(host));
  }
}

Outlook Pool::outlook(std::size_t position, const Reserved& reserved) const {
  static const Holds none;
  const std::uint32_t host = hosts_[position].id;
  const auto held = holds_.find(host);
  Outlook outlook{
      hosts_[position], uses_[position], held == holds_.end() ? none : held->second, counters_, {}};
  for (const Reservation* reservation : reserved) {
    if (reservation->host == host) {
      outlook.reserved.push_back(reservation);
    }
  }
  return outlook;
}

std::optional<Reservation> Pool::look_ahead(
    TaskId task,
    const Request& request,
    const Reserved& reserved,
    std::optional<std::uint32_t> stay_on,
    Outlooks& outlooks) const {
  const auto rank = [stay_on, this](std::size_t at, const Outlooks::Known& known) {
    const Time never{std::numeric_limits<std::int64_t>::max()};
    const bool moves = hosts_[at].id != stay_on;
    return std::tuple(known.shadow ? known.shadow : never, known.missing, moves, at);
  };
  outlooks.of.resize(hosts_.size());
  // Others' reservations and counters may change while the host does not.
  const bool depends = !reserved.empty() || !request.counters.empty();
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    Outlooks::Known& known = outlooks.of[i];
    const std::uint64_t version = placement_.version_of(i);
    if (known.version != version || depends) {
      const std::optional<Reservation> here = core::look_ahead(outlook(i, reserved), task, request);
      known = known_of(here);
      known.version = depends ? 0 : version;
    }
    if (known.possible && (!best || rank(i, known) < rank(*best, outlooks.of[*best]))) {
      best = i;
    }
  }
  return best ? core::look_ahead(outlook(*best, reserved), task, request) : std::nullopt;
}

std::optional<Pool::Room> Pool::make_room(
    const Request& request,
    const Reserved& reserved,
    const std::function<bool(TaskId, const Hold&)>& may_stop) const {
  std::optional<Room> best;
  const auto rank = [this](const Room& room) {
    std::int32_t highest = std::numeric_limits<std::int32_t>::min();
    for (const TaskId victim : room.victims) {
      highest = std::max(highest, holds_.at(room.host).at(victim).priority);
    }
    return std::tuple(highest, room.victims.size(), room.host);
  };
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    auto victims = core::make_room(outlook(i, reserved), request, may_stop);
    if (!victims.has_value()) {
      continue;
    }
    Room room{hosts_[i].id, *std::move(victims)};
    if (!best.has_value() || rank(room) < rank(*best)) {
      best = std::move(room);
    }
  }
  return best;
}

bool Pool::may_fit(const Request& request, std::uint32_t host) const {
  const Host* const known = find_host(host);
  return known != nullptr && !counters_.shortage(request).has_value() &&
         Fit(*known, use_of(host), request).fits();
}

bool Pool::has_lost(const Allocation& allocation) const {
  const Host* const host = find_host(allocation.host);
  return host != nullptr &&
         std::any_of(
             allocation.devices.begin(), allocation.devices.end(), [host](std::uint16_t index) {
               return index < host->devices.size() &&
                      host->devices[index].health == DeviceHealth::lost;
             });
}

Mib Pool::largest_memory() const {
  Mib largest;
  for (const Host& host : hosts_) {
    largest = std::max(largest, largest_device(host));
  }
  return largest;
}

Mib Pool::largest_ram() const {
  Mib largest;
  for (const Host& host : hosts_) {
    largest = std::max(largest, host.ram);
  }
  return largest;
}

Reason Pool::explain(const Request& request) const {
  // The nearest host: one that could do it empty, then the one where the most is met already.
  const auto rank = [&request, this](std::size_t i) {
    const Fit now(hosts_[i], &uses_[i], request);
    const Fit empty(hosts_[i], nullptr, request);
    const std::size_t fitting = std::min<std::size_t>(now.fitting().size(), request.min_devices);
    return std::array<std::size_t, 4>{
        empty.fits() ? 1U : 0U,
        (now.devices_fit() ? 1U : 0U) + (now.cpus_fit() ? 1U : 0U) + (now.ram_fits() ? 1U : 0U),
        fitting,
        now.eligible()};
  };
  Reason reason;
  reason.kind = Reason::Kind::devices;
  reason.wanted = request.min_devices;
  reason.memory = request.memory;
  if (hosts_.empty()) {
    return reason;
  }
  std::size_t nearest = 0;
  for (std::size_t i = 1; i < hosts_.size(); ++i) {
    nearest = rank(i) > rank(nearest) ? i : nearest;
  }
  const Host& host = hosts_[nearest];
  const Fit fit(host, &uses_[nearest], request);
  reason.host = host.id;
  reason.fitting = static_cast<std::uint16_t>(fit.fitting().size());
  reason.wanted_cpus = fit.wanted_cpus();
  reason.free_cpus = {std::max<std::int64_t>(0, fit.free_cpus().value)};
  reason.wanted_ram = fit.wanted_ram();
  reason.free_ram = std::max(fit.free_ram(), Mib{});
  reason.devices = views_of(fit, uses_[nearest]);
  const std::optional<CounterAmount> counter = counters_.shortage(request);
  if (fit.fits() && counter.has_value()) {
    reason.kind = Reason::Kind::counters;
    reason.counter = counter->name;
    reason.free_count = counter->amount;
    reason.wanted_count = amount_of(request, counter->name);
  } else if (fit.fits()) {
    reason.kind = Reason::Kind::next;
  } else if (fit.devices_fit()) {
    reason.kind = fit.cpus_fit() ? Reason::Kind::ram : Reason::Kind::cpus;
  }
  return reason;
}

std::optional<Problem> Pool::infeasible_counter(const Request& request) const {
  const std::optional<CounterAmount> counter = counters_.infeasible(request);
  if (!counter.has_value()) {
    return std::nullopt;
  }
  Problem problem;
  problem.kind = Problem::Kind::infeasible_counters;
  problem.counter = counter->name;
  problem.most_count = counter->amount;
  return problem;
}

std::optional<Problem> Pool::infeasible(const Request& request) const {
  Problem problem;
  problem.pinned = !request.pins.empty();
  problem.kind = hosts_.empty() ? Problem::Kind::no_host : Problem::Kind::infeasible_devices;
  problem.wanted = request.min_devices;
  for (const Host& host : hosts_) {
    const Fit fit(host, nullptr, request);
    if (fit.fits()) {
      return infeasible_counter(request);
    }
    note_shortage(fit, problem);
  }
  return problem;
}

void Pool::check_invariants() const {
  CHECK(hosts_.size() == uses_.size());
  std::for_each(uses_.begin(), uses_.end(), check_host_use);
}

}  // namespace cattino::core
