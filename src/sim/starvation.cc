// The stream and the clock: see starvation.h.
#include "sim/starvation.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/dice.h"
#include "core/scheduler.h"
#include "sim/ends.h"
#include "sim/timeline.h"

namespace cattino::sim {
namespace {

core::Host machine() {
  core::Host host;
  host.cpus = {64000};
  host.ram = {256 * 1024};
  for (std::uint16_t i = 0; i < stream_devices; ++i) {
    core::Device device;
    device.index = i;
    device.total = {24 * 1024};
    host.devices.push_back(std::move(device));
  }
  return host;
}

class World {
 public:
  World(const core::Policy& policy, const Stream& stream)
      : stream_(stream), dice_(stream.seed), scheduler_(policy) {}

  Starvation run() {
    step(core::HostObserved{machine()});
    fill();
    while (!result_.started.has_value() && now_ < epoch + gang_comes + gang_patience) {
      happen();
    }
    return std::move(result_);
  }

 private:
  struct Known {
    Duration submitted;
    Duration run;
    Duration limit;
  };

  /// What comes next: an end, the timer, the task for all devices.
  void happen() {
    const Time end = ends_.next();
    const Time timer = timer_ ? timer_ : never;
    const Time gang = result_.gang == 0 ? epoch + gang_comes : never;
    now_ = std::max(now_, std::min({end, timer, gang}));
    if (gang <= end && gang <= timer) {
      result_.gang = submit(stream_devices, longest_run);
    } else if (end <= timer) {
      const AttemptId attempt = ends_.take();
      step(core::AttemptExited{attempt, ExitStatus::of_code(0)});
    } else {
      timer_ = {};
      step(core::TimerFired{});
    }
    fill();
  }

  /// Some of the stream always wait.
  void fill() {
    const std::size_t gangs = result_.gang == 0 || result_.started.has_value() ? 0 : 1;
    while (scheduler_.counts().ready < stream_ready + gangs) {
      submit(1, draw());
    }
  }

  Duration draw() {
    constexpr std::uint64_t steps = 1'000'000;
    const double place = static_cast<double>(dice_.below(steps)) / static_cast<double>(steps);
    const double ratio = static_cast<double>(longest_run.us) / static_cast<double>(shortest_run.us);
    return Duration::milliseconds(
        std::llround(static_cast<double>(shortest_run.ms()) * std::pow(ratio, place)));
  }

  std::uint64_t submit(std::uint16_t devices, Duration run) {
    const std::uint64_t number = known_.size() + 1;
    const Duration limit = stream_.limits ? run + Duration{run.us / 5} : Duration{};
    known_.push_back({now_ - epoch, run, limit});
    core::TaskSpec spec;
    spec.id = {number};
    spec.created = now_;
    spec.request.min_devices = devices;
    spec.request.time_limit = limit;
    step(core::Submitted{{number}, {}, {spec}, {}});
    return number;
  }

  void step(const core::Event& event) {
    actions_.clear();
    scheduler_.step(now_, event, actions_);
    for (const core::Action& action : actions_) {
      if (const auto* start = std::get_if<core::StartAttempt>(&action)) {
        begin(start->attempt);
      } else if (const auto* timer = std::get_if<core::ArmTimer>(&action)) {
        timer_ = timer->at;
      }
    }
    if (!result_.reserved.has_value() && result_.gang != 0) {
      note_reservation();
    }
  }

  void begin(AttemptId attempt) {
    const Known& known = known_.at(attempt.task.value - 1);
    const core::TaskState* state = scheduler_.state(attempt.task);
    CHECK(state != nullptr);
    const Duration start = now_ - epoch;
    result_.spans.push_back(
        {attempt.task.value,
         known.submitted,
         start,
         start + known.run,
         known.limit,
         state->allocation.devices});
    ends_.add(now_ + known.run, attempt);
    if (attempt.task.value == result_.gang) {
      result_.started = start;
    }
  }

  void note_reservation() {
    const TaskId gang{result_.gang};
    const auto reserved = scheduler_.reservations();
    if (std::any_of(reserved.begin(), reserved.end(), [gang](const auto& one) {
          return one.task == gang;
        })) {
      result_.reserved = now_ - epoch;
    }
  }

  const Stream stream_;
  Dice dice_;
  core::Scheduler scheduler_;
  core::Actions actions_;
  Time now_ = epoch;
  Time timer_;
  Ends ends_;
  std::vector<Known> known_;  ///< by number, from 1
  Starvation result_;
};

}  // namespace

Starvation starve(const core::Policy& policy, const Stream& stream) {
  return World(policy, stream).run();
}

std::optional<Duration> bound_of(const Starvation& starvation) {
  if (!starvation.reserved.has_value()) {
    return std::nullopt;
  }
  Duration latest = *starvation.reserved;
  for (const StreamSpan& span : starvation.spans) {
    const bool ran = span.task != starvation.gang && span.start <= *starvation.reserved &&
                     span.end > *starvation.reserved;
    const Duration end = span.limit.us > 0 ? span.start + span.limit : span.end;
    latest = std::max(latest, ran ? end : Duration{});
  }
  return latest;
}

double used_while_waiting(const Starvation& starvation) {
  const Duration until = starvation.started.value_or(gang_comes + gang_patience);
  if (until == gang_comes) {
    return 1.0;
  }
  std::int64_t used = 0;
  for (const StreamSpan& span : starvation.spans) {
    const Duration from = std::max(span.start, gang_comes);
    const Duration to = std::min(span.end, until);
    const auto devices = static_cast<std::int64_t>(span.devices.size());
    used += std::max<std::int64_t>(0, (to - from).us) * devices;
  }
  return static_cast<double>(used) / static_cast<double>((until - gang_comes).us) / stream_devices;
}

}  // namespace cattino::sim
