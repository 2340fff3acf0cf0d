// The clock of a replay: ends, the timer and arrivals, whichever comes first.
#include "sim/replay.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <variant>

#include "base/check.h"
#include "core/scheduler.h"
#include "sim/ends.h"
#include "sim/timeline.h"

namespace cattino::sim {
namespace {

class Player {
 public:
  explicit Player(const Recording& recording)
      : recording_(recording), arrivals_(recording.pods.size()) {
    std::iota(arrivals_.begin(), arrivals_.end(), std::size_t{0});
    std::stable_sort(arrivals_.begin(), arrivals_.end(), [&](std::size_t a, std::size_t b) {
      return recording.pods[a].created < recording.pods[b].created;
    });
  }

  Replay play() {
    for (const core::Host& host : recording_.hosts) {
      tell(core::HostObserved{host});
    }
    while (next_ < arrivals_.size() || !ends_.empty()) {
      happen();
      result_.largest_queue = std::max(result_.largest_queue, waiting_);
    }
    result_.unfinished = waiting_;
    return std::move(result_);
  }

 private:
  void happen() {
    const Time end = ends_.next();
    const Time timer = timer_ ? timer_ : never;
    const Time arrival =
        next_ < arrivals_.size() ? epoch + recording_.pods[arrivals_[next_]].created : never;
    now_ = std::max(now_, std::min({end, timer, arrival}));
    if (end <= timer && end <= arrival) {
      const AttemptId attempt = ends_.take();
      tell(core::AttemptExited{attempt, ExitStatus::of_code(0)});
    } else if (timer <= arrival) {
      timer_ = {};
      tell(core::TimerFired{});
    } else {
      submit(arrivals_[next_++]);
    }
  }

  void submit(std::size_t pod) {
    core::Submitted work;
    work.id = {pod + 1};
    core::TaskSpec spec;
    spec.id = {pod + 1};
    spec.request = recording_.pods[pod].request;
    spec.created = now_;
    work.tasks.push_back(std::move(spec));
    if (!scheduler_.check(work).empty()) {
      ++result_.refused;
      return;
    }
    ++waiting_;
    tell(work);
  }

  /// The event, and that what it starts has started, as a supervisor would tell at once.
  void tell(const core::Event& event) {
    step(event);
    while (!begun_.empty()) {
      const AttemptId attempt = begun_.back();
      begun_.pop_back();
      step(core::AttemptStarted{attempt});
    }
  }

  void step(const core::Event& event) {
    actions_.clear();
    const auto before = std::chrono::steady_clock::now();
    scheduler_.step(now_, event, actions_);
    result_.in_step += std::chrono::steady_clock::now() - before;
    ++result_.events;
    for (const core::Action& action : actions_) {
      if (const auto* start = std::get_if<core::StartAttempt>(&action)) {
        begin(start->attempt);
      } else if (const auto* timer = std::get_if<core::ArmTimer>(&action)) {
        timer_ = timer->at;
      }
    }
  }

  void begin(AttemptId attempt) {
    const std::size_t pod = attempt.task.value - 1;
    const Time end = now_ + recording_.pods.at(pod).run.value_or(recording_.usual);
    const core::TaskState* state = scheduler_.state(attempt.task);
    CHECK(state != nullptr);
    const core::Allocation& on = state->allocation;
    result_.spans.push_back({pod, now_ - epoch, end - epoch, on.host, on.devices});
    ends_.add(end, attempt);
    begun_.push_back(attempt);
    --waiting_;
  }

  const Recording& recording_;
  std::vector<std::size_t> arrivals_;  ///< pods in the order in which they come
  std::size_t next_ = 0;
  core::Scheduler scheduler_;
  core::Actions actions_;
  Time now_ = epoch;
  Time timer_;
  Ends ends_;
  std::vector<AttemptId> begun_;
  std::uint64_t waiting_ = 0;
  Replay result_;
};

}  // namespace

Duration percentile(const std::vector<Duration>& sorted, std::size_t percent) {
  constexpr std::size_t hundred = 100;
  const std::size_t rank = (sorted.size() * percent + hundred - 1) / hundred;
  return sorted.at(std::max<std::size_t>(rank, 1) - 1);
}

Result<Recording> recording_of(std::vector<core::Host> hosts, std::vector<RecordedPod> pods) {
  Recording recording;
  recording.hosts = std::move(hosts);
  recording.pods = std::move(pods);
  std::vector<Duration> runs;
  for (const RecordedPod& pod : recording.pods) {
    if (pod.run.has_value()) {
      runs.push_back(*pod.run);
    }
  }
  if (runs.empty()) {
    return Error{ErrorCode::invalid, "no pod says how long it ran", {}, {}};
  }
  std::sort(runs.begin(), runs.end());
  constexpr std::size_t half = 50;
  recording.usual = percentile(runs, half);
  recording.unknown = recording.pods.size() - runs.size();
  return recording;
}

Replay replay(const Recording& recording) {
  return Player(recording).play();
}

}  // namespace cattino::sim
