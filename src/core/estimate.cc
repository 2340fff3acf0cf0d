// When a waiting task will start, as far as anybody can say.
//
// What runs and what is ready before it is played forward on a copy of the pool, in order and without
// backfill, by time limits, or else by how long attempts of the same shape usually ran. Nobody knows if
// something in the way has neither; nor is more than a glance spent on it.
#include <algorithm>
#include <map>
#include <optional>

#include "core/impl.h"

namespace cattino::core {
namespace {

/// More ready tasks before it than this, and nobody looks.
constexpr std::size_t most_before = 256;
constexpr std::size_t most_hosts = 16;

/// How long an attempt runs, and whether that is sure to be the most.
struct Length {
  Duration run;
  bool exact = false;
};

std::optional<Length> length_of(const Shape& shape) {
  if (shape.key.request.time_limit.us > 0) {
    return Length{shape.key.request.time_limit, true};
  }
  if (shape.usual_run.us > 0) {
    return Length{shape.usual_run, false};
  }
  return std::nullopt;
}

/// A copy of the pool and its future.
class Forecast {
 public:
  Forecast(const Pool& pool, Time now)
      : hosts_(pool.hosts()), counters_(pool.counters()), now_(now) {
    for (const Host& host : hosts_) {
      uses_.push_back(*pool.use_of(host.id));
    }
  }

  /// `holder` holds this until `end`; nothing: for ever, as far as anybody knows.
  void add_end(
      TaskId holder,
      const Allocation& allocation,
      const Request& request,
      std::optional<Time> end,
      bool exact) {
    if (end.has_value()) {
      ends_.emplace(std::max(*end, now_), End{holder, allocation, &request, exact});
    }
  }

  /// Lets time pass until the request fits; false: it never does.
  bool wait_for(const Request& request) {
    while (!place(request)) {
      if (ends_.empty()) {
        return false;
      }
      const auto first = ends_.begin();
      now_ = first->first;
      const End& end = first->second;
      exact_ = exact_ && end.exact;
      uses_[position_of(end.allocation.host)].release(end.holder, end.allocation);
      counters_.release(*end.request);
      ends_.erase(first);
    }
    return true;
  }

  void start(TaskId task, const Request& request, const std::optional<Length>& length) {
    uses_[position_of(placed_.host)].take(task, placed_);
    counters_.take(request);
    const std::optional<Time> end = length ? std::optional(now_ + length->run) : std::nullopt;
    add_end(task, placed_, request, end, length && length->exact);
  }

  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] bool exact() const { return exact_; }

 private:
  struct End {
    TaskId holder;
    Allocation allocation;
    const Request* request = nullptr;
    bool exact = false;
  };

  [[nodiscard]] std::size_t position_of(std::uint32_t host) const {
    const auto found = std::find_if(
        hosts_.begin(), hosts_.end(), [host](const Host& one) { return one.id == host; });
    return static_cast<std::size_t>(found - hosts_.begin());
  }

  bool place(const Request& request) {
    if (counters_.shortage(request).has_value()) {
      return false;
    }
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      const Fit fit(hosts_[i], &uses_[i], request);
      if (fit.fits()) {
        placed_ = fit.allocation(request.min_devices);
        return true;
      }
    }
    return false;
  }

  const std::vector<Host>& hosts_;
  std::vector<HostUse> uses_;
  Counters counters_;
  Time now_;
  bool exact_ = true;
  std::multimap<Time, End> ends_;
  Allocation placed_;
};

}  // namespace

/// Of one shape, those that come before the task and are not throttled: no more than `most`.
std::vector<TaskId> Scheduler::Impl::ready_before(
    const TaskRecord& record, const Shape& shape, std::size_t most) const {
  std::vector<TaskId> before;
  for (auto at = shape.ready.begin(); at != shape.ready.end() && before.size() < most; ++at) {
    const TaskRecord& other = *tables_.tasks.find(at->task.value);
    if (!is_before(other, record) || throttle_of(other) != nullptr) {
      break;
    }
    before.push_back(at->task);
  }
  return before;
}

/// Ready tasks up to this one, in the total order; nothing if there are too many.
std::optional<std::vector<TaskId>> Scheduler::Impl::ready_up_to(const TaskRecord& record) const {
  std::vector<TaskId> before;
  for (const auto& [key, shape] : queue_.shapes()) {
    const std::vector<TaskId> more = ready_before(record, shape, most_before + 1 - before.size());
    before.insert(before.end(), more.begin(), more.end());
    if (before.size() > most_before) {
      return std::nullopt;
    }
  }
  std::sort(before.begin(), before.end(), [this](TaskId a, TaskId b) {
    return is_before(*tables_.tasks.find(a.value), *tables_.tasks.find(b.value));
  });
  before.push_back(record.id);
  return before;
}

void Scheduler::Impl::note_start(const TaskRecord& record, Time now, Reason& reason) const {
  if (const Head* own = head_of(record.id);
      own != nullptr && own->reservation.has_value() && own->reservation->shadow) {
    reason.start = std::max(own->reservation->shadow, now);
    reason.exact = own->reservation->shadow > now;  // else it waits for one that is being stopped
    return;
  }
  const auto before = ready_up_to(record);
  if (!before.has_value() || pool_.hosts().size() > most_hosts) {
    return;
  }
  Forecast forecast(pool_, now);
  for (const auto& [host, holds] : pool_.holds()) {
    for (const auto& [task, hold] : holds) {
      const auto length = length_of(*tables_.tasks.find(task.value)->shape);
      const bool ending = hold.ending;
      const std::optional<Time> end = ending   ? std::optional(now)
                                      : length ? std::optional(hold.started + length->run)
                                               : std::nullopt;
      forecast.add_end(task, *hold.allocation, *hold.request, end, length && length->exact);
    }
  }
  for (const TaskId id : *before) {
    const Shape& shape = *tables_.tasks.find(id.value)->shape;
    if (!forecast.wait_for(shape.key.request)) {
      return;
    }
    if (id == record.id) {
      reason.start = forecast.now();
      reason.exact = forecast.exact();
      return;
    }
    forecast.start(id, shape.key.request, length_of(shape));
  }
}

}  // namespace cattino::core
