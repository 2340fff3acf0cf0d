// Looking ahead: see reservation.h.
#include "core/reservation.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "core/fit.h"

namespace cattino::core {
namespace {

/// Before all others. It does not depend on when one looks, so that looking again finds the same.
constexpr Time any_moment{1};

/// The host as it would be after some attempts had ended.
class Future {
 public:
  Future(const Outlook& outlook, const Request& request)
      : outlook_(outlook), request_(request), use_(outlook.use), counters_(outlook.counters) {}

  void end(TaskId task, const Hold& hold) {
    use_.release(task, *hold.allocation);
    counters_.release(*hold.request);
  }
  void undo_end(TaskId task, const Hold& hold) {
    use_.take(task, *hold.allocation);
    counters_.take(*hold.request);
  }

  [[nodiscard]] bool fits() const {
    if (outlook_.reserved.empty()) {
      return !counters_.shortage(request_) && Fit(outlook_.host, &use_, request_).fits();
    }
    const HostUse use = with_reserved();
    return !counters_with_reserved().shortage(request_) &&
           Fit(outlook_.host, &use, request_).fits();
  }

  /// It fits: what to keep for it. A device that is busy now leaves those that are free to others,
  /// who can use them until then; while nobody knows when that is, one that is free is safe.
  [[nodiscard]] Reservation reserve(TaskId task, bool known) const {
    Reservation reservation;
    reservation.task = task;
    reservation.request = &request_;
    reservation.host = outlook_.host.id;
    reservation.later = with_reserved();
    reservation.counters = counters_with_reserved();
    Fit fit(outlook_.host, &reservation.later, request_);
    const Fit now(outlook_.host, &outlook_.use, request_);
    fit.prefer_if([&now, known](std::uint16_t index) { return now.can_take(index) != known; });
    reservation.allocation = fit.allocation(request_.min_devices);
    reservation.later.take(task, reservation.allocation);
    reservation.counters.take(request_);
    return reservation;
  }

 private:
  [[nodiscard]] HostUse with_reserved() const {
    HostUse use = use_;
    for (const Reservation* reserved : outlook_.reserved) {
      use.take(reserved->task, reserved->allocation);
    }
    return use;
  }
  [[nodiscard]] Counters counters_with_reserved() const {
    Counters counters = counters_;
    for (const Reservation* reserved : outlook_.reserved) {
      counters.take(*reserved->request);
    }
    return counters;
  }

  const Outlook& outlook_;
  const Request& request_;
  HostUse use_;
  Counters counters_;
};

struct Ending {
  Time at;  ///< 0: not known
  Time started;
  TaskId task;
  const Hold* hold = nullptr;
};

/// Those that end first come first; of those of which nobody knows, the oldest.
std::vector<Ending> endings(const Outlook& outlook) {
  std::vector<Ending> all;
  for (const auto& [task, hold] : outlook.holds) {
    all.push_back({hold.ending ? any_moment : hold.end, hold.started, task, &hold});
  }
  const auto rank = [](const Ending& ending) {
    const Time never{std::numeric_limits<std::int64_t>::max()};
    return std::tuple(ending.at ? ending.at : never, ending.started, ending.task);
  };
  std::sort(all.begin(), all.end(), [&rank](const Ending& a, const Ending& b) {
    return rank(a) < rank(b);
  });
  return all;
}

bool fits_empty(const Outlook& outlook, const Request& request) {
  // In its present health, with the strangers there are.
  const HostUse nothing;
  return Fit(outlook.host, &nothing, request).fits();
}

}  // namespace

bool leaves_more(const Reservation& now, const Reservation& before) {
  if (now.host != before.host || now.shadow != before.shadow ||
      now.later.cpus < before.later.cpus || now.later.ram < before.later.ram ||
      now.counters.less_anywhere(before.counters)) {
    return true;
  }
  for (std::size_t i = 0; i < before.later.devices.size(); ++i) {
    const DeviceUse was = before.later.devices[i];
    const DeviceUse is = i < now.later.devices.size() ? now.later.devices[i] : DeviceUse{};
    if (is.claimed < was.claimed || (was.whole && !is.whole) ||
        (is.holders.empty() && !was.holders.empty())) {
      return true;
    }
  }
  return false;
}

HostUse larger(const HostUse& now, const HostUse& later) {
  HostUse both = now;
  both.cpus = std::max(now.cpus, later.cpus);
  both.ram = std::max(now.ram, later.ram);
  both.devices.resize(std::max(now.devices.size(), later.devices.size()));
  for (std::size_t i = 0; i < later.devices.size(); ++i) {
    DeviceUse& device = both.devices[i];
    device.claimed = std::max(device.claimed, later.devices[i].claimed);
    device.whole = device.whole || later.devices[i].whole;
    if (device.holders.empty()) {
      device.holders = later.devices[i].holders;
    }
  }
  return both;
}

std::optional<Reservation> look_ahead(const Outlook& outlook, TaskId task, const Request& request) {
  if (!fits_empty(outlook, request)) {
    return std::nullopt;
  }
  Future future(outlook, request);
  Time shadow = any_moment;
  std::size_t missing = 0;
  const std::vector<Ending> all = endings(outlook);
  while (!future.fits()) {
    if (missing == all.size()) {
      return std::nullopt;
    }
    future.end(all[missing].task, *all[missing].hold);
    shadow = all[missing].at;
    ++missing;
  }
  Reservation reservation = future.reserve(task, static_cast<bool>(shadow));
  reservation.shadow = shadow;
  reservation.missing = missing;
  return reservation;
}

std::optional<std::vector<TaskId>> make_room(
    const Outlook& outlook,
    const Request& request,
    const std::function<bool(TaskId, const Hold&)>& may_stop) {
  Future future(outlook, request);
  std::vector<Ending> open;
  for (const auto& [task, hold] : outlook.holds) {
    if (hold.ending) {
      future.end(task, hold);
    } else if (may_stop(task, hold)) {
      open.push_back({hold.end, hold.started, task, &hold});
    }
  }
  // The lowest first; of equals the one that has done least.
  std::sort(open.begin(), open.end(), [](const Ending& a, const Ending& b) {
    return std::tuple(a.hold->priority, b.started, b.task) <
           std::tuple(b.hold->priority, a.started, a.task);
  });
  std::vector<Ending> stopped;
  for (const Ending& next : open) {
    if (future.fits()) {
      break;
    }
    future.end(next.task, *next.hold);
    stopped.push_back(next);
  }
  if (!future.fits()) {
    return std::nullopt;
  }
  std::vector<TaskId> victims;
  for (const Ending& one : stopped) {
    future.undo_end(one.task, *one.hold);
    if (!future.fits()) {
      future.end(one.task, *one.hold);
      victims.push_back(one.task);
    }
  }
  return victims;
}

}  // namespace cattino::core
