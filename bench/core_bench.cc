// What the scheduling core costs at scale: a million tasks on a cluster of 1,213 hosts.
//
//   core_bench [TASKS]
//
// All on a simulated clock: figures are CPU time, of `step` and of making its events. The cost of an end is
// taken with queues of 10³ to TASKS ready tasks, in turns, so that a noisy machine harms all alike.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/core.h>
#include <malloc.h>

#include "base/dice.h"
#include "core/scheduler.h"

namespace cattino::core {
namespace {

constexpr std::uint32_t host_count = 1213;
constexpr std::size_t batch = 1000;

/// CPU time, which other processes do not lengthen as they do the wall clock's.
class Stopwatch {
 public:
  [[nodiscard]] double us() const { return now_us() - began_; }

 private:
  static double now_us() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
  }

  double began_ = now_us();
};

double bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks) + static_cast<double>(info.hblkhd);
}

/// Hosts with 2 to 8 devices, 64 to 128 cores.
Host host_of(std::uint32_t id) {
  constexpr std::int64_t device_mib = 24000;
  Host host;
  host.id = id;
  const std::uint32_t devices = 2U << (id % 3);
  host.cpus = {id % 2 == 0 ? 64000 : 128000};
  host.ram = {512 * 1024};
  for (std::uint16_t i = 0; i < devices; ++i) {
    Device device;
    device.index = i;
    device.total = {device_mib};
    host.devices.push_back(device);
  }
  return host;
}

/// A mix of five shapes, as users have: whole devices, shares, gangs, some with a time limit.
Request request_of(std::uint64_t number) {
  Request request;
  switch (number % 6) {
    case 0:
      request.min_devices = 2;
      break;
    case 1:
      request.memory = {MemoryRequest::Kind::mib, 12000};
      break;
    case 2:
      request.memory = {MemoryRequest::Kind::share, 250000};
      request.cpus = {4000};
      break;
    default:
      break;
  }
  request.time_limit = number % 2 == 0 ? Duration::seconds(3600) : Duration{};
  return request;
}

/// A scheduler and those of its attempts that run.
class Cluster {
 public:
  explicit Cluster(const Policy& policy = {}) : scheduler_(std::make_unique<Scheduler>(policy)) {
    for (std::uint32_t id = 0; id < host_count; ++id) {
      tell(HostObserved{host_of(id)});
    }
  }

  /// Tasks in submissions of a thousand; with `chained` each waits for the one before.
  void submit(std::uint64_t count, bool chained) {
    while (count > 0) {
      const std::uint64_t size = std::min<std::uint64_t>(count, batch);
      Submitted work;
      work.id = {++last_submission_};
      for (std::uint64_t i = 0; i < size; ++i) {
        add_task(work, chained);
      }
      tell(work);
      count -= size;
    }
  }

  void fill() {
    while (scheduler_->counts().ready == 0) {
      submit(batch, false);
    }
  }

  /// One that runs ends, and what fits then starts.
  void end_one(Dice& dice) {
    const std::size_t at = dice.below(running_.size());
    const AttemptId attempt = running_[at];
    running_[at] = running_.back();
    running_.pop_back();
    now_ = now_ + Duration::milliseconds(1);
    tell(AttemptExited{attempt, ExitStatus::of_code(0)});
  }

  void report_started() {
    for (const AttemptId attempt : running_) {
      tell(AttemptStarted{attempt});
    }
  }

  [[nodiscard]] std::size_t running() const { return running_.size(); }
  [[nodiscard]] const Scheduler& scheduler() const { return *scheduler_; }

 private:
  void add_task(Submitted& work, bool chained) {
    TaskSpec spec;
    spec.id = {++last_task_};
    spec.request = request_of(last_task_);
    spec.created = now_;
    work.tasks.push_back(spec);
    if (chained && last_task_ > 1) {
      work.edges.push_back({Node::of(TaskId{last_task_ - 1}), Node::of(spec.id), When::ok});
    }
  }

  void tell(const Event& event) {
    actions_.clear();
    scheduler_->step(now_, event, actions_);
    for (const Action& action : actions_) {
      if (const auto* start = std::get_if<StartAttempt>(&action)) {
        running_.push_back(start->attempt);
      }
    }
  }

  std::unique_ptr<Scheduler> scheduler_;
  std::vector<AttemptId> running_;
  Actions actions_;
  Time now_{1000000};
  std::uint64_t last_task_ = 0;
  std::uint64_t last_submission_ = 0;
};

void report(const char* what, std::uint64_t count, double us) {
  const auto things = static_cast<double>(count);
  fmt::print(
      "{:<52} {:>9}  {:>10.0f}/s  {:>8.2f} us each\n", what, count, things / us * 1e6, us / things);
}

void measure_flood(std::uint64_t tasks) {
  Cluster cluster;
  cluster.fill();
  const double before = bytes_in_use();
  const Stopwatch submitting;
  cluster.submit(tasks, false);
  report("submit, all ready, the cluster full", tasks, submitting.us());
  fmt::print(
      "{:<52} {:>9.0f} bytes\n",
      "  a waiting task",
      (bytes_in_use() - before) / static_cast<double>(tasks));
  const std::size_t running = cluster.running();
  const Stopwatch starting;
  cluster.report_started();
  report("started", running, starting.us());
  constexpr std::uint64_t ends = 50000;
  Dice dice(1);
  const Stopwatch ending;
  for (std::uint64_t i = 0; i < ends; ++i) {
    cluster.end_one(dice);
  }
  report("end, and what starts then", ends, ending.us());
}

void measure_graph(std::uint64_t tasks) {
  Cluster cluster;
  const double before = bytes_in_use();
  const Stopwatch submitting;
  cluster.submit(tasks, true);
  report("submit a chain", tasks, submitting.us());
  fmt::print(
      "{:<52} {:>9.0f} bytes\n",
      "  a waiting task and its edge",
      (bytes_in_use() - before) / static_cast<double>(tasks));
  constexpr std::uint64_t most_ends = 100000;
  const std::uint64_t ends = std::min(most_ends, tasks - 1);
  Dice dice(1);
  const Stopwatch ending;
  for (std::uint64_t i = 0; i < ends; ++i) {
    cluster.end_one(dice);
  }
  report("end, and its successor starts", ends, ending.us());
}

/// In the mean of so many.
double cost_of_end(Cluster& cluster, int ends, Dice& dice) {
  const Stopwatch ending;
  for (int i = 0; i < ends; ++i) {
    cluster.end_one(dice);
  }
  return ending.us() / ends;
}

/// By length of the queue.
void measure_lengths(std::uint64_t most) {
  std::vector<std::pair<std::uint64_t, Cluster>> clusters;
  for (std::uint64_t length = 1000; length <= most; length *= 10) {
    Cluster& cluster = clusters.emplace_back(length, Cluster{}).second;
    cluster.fill();
    cluster.submit(length, false);
  }
  constexpr int rounds = 20;
  constexpr int ends = 500;
  std::vector<std::vector<double>> costs(clusters.size());
  Dice dice(1);
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      costs[i].push_back(cost_of_end(clusters[i].second, ends, dice));
      clusters[i].second.submit(ends, false);
    }
  }
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    std::sort(costs[i].begin(), costs[i].end());
    fmt::print(
        "{:<52} {:>9}  {:>34.2f} us each\n",
        "end, by length of the queue",
        clusters[i].first,
        costs[i][rounds / 2]);
  }
}

}  // namespace
}  // namespace cattino::core

int main(int argc, char** argv) {
  constexpr std::uint64_t million = 1000000;
  const std::uint64_t tasks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : million;
  cattino::core::measure_flood(tasks);
  cattino::core::measure_graph(tasks);
  cattino::core::measure_lengths(tasks);
  return 0;
}
