// A simulated clock, and a queue of what ends next.
#include "sim/workload.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "core/scheduler.h"
#include "sim/ends.h"
#include "sim/timeline.h"

namespace cattino::sim {
namespace {

class Runner {
 public:
  Runner(const Workload& workload, const core::Policy& policy)
      : workload_(workload), scheduler_(policy) {}

  std::vector<Span> run(const std::vector<core::Host>& hosts) {
    for (const core::Host& host : hosts) {
      step(core::HostObserved{host});
    }
    step(workload_.work);
    while (!ends_.empty()) {
      now_ = ends_.next();
      step(core::AttemptExited{ends_.take(), ExitStatus::of_code(0)});
    }
    return std::move(spans_);
  }

 private:
  void step(const core::Event& event) {
    actions_.clear();
    scheduler_.step(now_, event, actions_);
    for (const core::Action& action : actions_) {
      if (const auto* start = std::get_if<core::StartAttempt>(&action)) {
        begin(start->attempt);
      }
    }
  }

  void begin(AttemptId attempt) {
    const std::size_t task = attempt.task.value - 1;
    const Duration run = workload_.runs.at(task);
    const core::TaskState* state = scheduler_.state(attempt.task);
    CHECK(state != nullptr);
    spans_.push_back({task, now_ - epoch, now_ + run - epoch, state->allocation.host});
    ends_.add(now_ + run, attempt);
  }

  const Workload& workload_;
  core::Scheduler scheduler_;
  core::Actions actions_;
  Time now_ = epoch;
  Ends ends_;
  std::vector<Span> spans_;
};

/// By task: the tasks that must end before it.
std::vector<std::vector<std::size_t>> needs_of(const Workload& workload) {
  std::vector<std::vector<std::size_t>> needs(workload.runs.size());
  for (const core::Edge& edge : workload.work.edges) {
    needs[edge.to.id - 1].push_back(edge.from.id - 1);
  }
  return needs;
}

}  // namespace

std::vector<Span> run(
    const Workload& workload, const std::vector<core::Host>& hosts, const core::Policy& policy) {
  return Runner(workload, policy).run(hosts);
}

Score score(const Workload& workload, const std::vector<Span>& spans, std::int64_t cores) {
  Score score;
  const auto needs = needs_of(workload);
  std::vector<Duration> ends(workload.runs.size());
  std::vector<Duration> paths(workload.runs.size());
  Duration waited;
  for (const Span& span : spans) {
    Duration ready;
    Duration path;
    for (const std::size_t need : needs[span.task]) {
      ready = std::max(ready, ends[need]);
      path = std::max(path, paths[need]);
    }
    ends[span.task] = span.end;
    paths[span.task] = path + workload.runs[span.task];
    waited = waited + (span.start - ready);
    score.makespan = std::max(score.makespan, span.end);
    score.critical_path = std::max(score.critical_path, paths[span.task]);
    score.work = score.work + workload.runs[span.task];
  }
  score.bound = std::max(score.critical_path, Duration{(score.work.us + cores - 1) / cores});
  score.mean_wait = {spans.empty() ? 0 : waited.us / static_cast<std::int64_t>(spans.size())};
  return score;
}

std::vector<std::size_t> lanes_of(const std::vector<Span>& spans) {
  std::vector<Duration> free_at;
  std::vector<std::size_t> lanes;
  lanes.reserve(spans.size());
  for (const Span& span : spans) {
    const auto lane = std::find_if(
        free_at.begin(), free_at.end(), [&span](Duration at) { return at <= span.start; });
    lanes.push_back(static_cast<std::size_t>(lane - free_at.begin()));
    if (lane == free_at.end()) {
      free_at.push_back(span.end);
    } else {
      *lane = span.end;
    }
  }
  return lanes;
}

}  // namespace cattino::sim
