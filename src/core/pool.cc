// The pool of hosts and claims: see pool.h.
#include "core/pool.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/check.h"
#include "core/fit.h"

namespace cattino::core {
namespace {

void hold(HostUse& use, TaskId task, const Allocation& allocation) {
  use.cpus.value += allocation.cpus.value;
  use.ram += allocation.ram;
  for (std::size_t i = 0; i < allocation.devices.size(); ++i) {
    const std::size_t index = allocation.devices[i];
    if (index >= use.devices.size()) {
      use.devices.resize(index + 1);
    }
    DeviceUse& device = use.devices[index];
    device.claimed += i < allocation.mib.size() ? allocation.mib[i] : Mib{};
    device.whole = device.whole || allocation.whole;
    device.holders.insert(
        std::lower_bound(device.holders.begin(), device.holders.end(), task), task);
  }
}

void remove_holder(DeviceUse& device, TaskId task) {
  const auto holder = std::lower_bound(device.holders.begin(), device.holders.end(), task);
  CHECK(holder != device.holders.end() && *holder == task);
  device.holders.erase(holder);
}

void let_go(HostUse& use, TaskId task, const Allocation& allocation) {
  use.cpus.value -= allocation.cpus.value;
  use.ram -= allocation.ram;
  for (std::size_t i = 0; i < allocation.devices.size(); ++i) {
    DeviceUse& device = use.devices.at(allocation.devices[i]);
    device.claimed -= i < allocation.mib.size() ? allocation.mib[i] : Mib{};
    device.whole = device.whole && !allocation.whole;
    remove_holder(device, task);
  }
}

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

bool is_nothing(const Allocation& allocation) {
  return allocation.devices.empty() && allocation.cpus.value == 0 && allocation.ram.value == 0;
}

}  // namespace

std::size_t Pool::position_of(std::uint32_t host) const {
  const auto found =
      std::lower_bound(hosts_.begin(), hosts_.end(), host, [](const Host& a, std::uint32_t id) {
        return a.id < id;
      });
  return static_cast<std::size_t>(found - hosts_.begin());
}

const HostUse* Pool::use_of(std::uint32_t host) const {
  const std::size_t position = position_of(host);
  if (position < hosts_.size() && hosts_[position].id == host) {
    return &uses_[position];
  }
  const auto unseen = unseen_.find(host);
  return unseen == unseen_.end() ? nullptr : &unseen->second;
}

HostUse& Pool::use_for(std::uint32_t host) {
  const std::size_t position = position_of(host);
  if (position < hosts_.size() && hosts_[position].id == host) {
    return uses_[position];
  }
  return unseen_[host];
}

bool Pool::observe(const Host& host) {
  CHECK(is_numbered(host));
  const std::size_t position = position_of(host.id);
  if (position < hosts_.size() && hosts_[position].id == host.id) {
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

std::optional<Allocation> Pool::place(const Request& request) const {
  return placement_.place(hosts_, uses_, request);
}

void Pool::take(TaskId task, const Allocation& allocation) {
  if (!is_nothing(allocation)) {
    hold(use_for(allocation.host), task, allocation);
    placement_.changed(position_of(allocation.host));
  }
}

void Pool::release(TaskId task, const Allocation& allocation) {
  if (!is_nothing(allocation)) {
    let_go(use_for(allocation.host), task, allocation);
    placement_.changed(position_of(allocation.host));
  }
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
  for (const Device& device : host.devices) {
    DeviceView view;
    view.index = device.index;
    view.fits = fit.can_take(device.index);
    view.total = device.total;
    view.free = fit.free_of(device);
    if (device.index < uses_[nearest].devices.size()) {
      view.holders = uses_[nearest].devices[device.index].holders;
    }
    reason.devices.push_back(view);
  }
  if (fit.fits()) {
    reason.kind = Reason::Kind::next;
  } else if (fit.devices_fit()) {
    reason.kind = fit.cpus_fit() ? Reason::Kind::ram : Reason::Kind::cpus;
  }
  return reason;
}

std::optional<Problem> Pool::infeasible(const Request& request) const {
  Problem problem;
  problem.kind = hosts_.empty() ? Problem::Kind::no_host : Problem::Kind::infeasible_devices;
  problem.wanted = request.min_devices;
  for (const Host& host : hosts_) {
    const Fit fit(host, nullptr, request);
    if (fit.fits()) {
      return std::nullopt;
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
