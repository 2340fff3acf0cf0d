// The floor: the barest loop that runs a command N times, K at a time, each in a session of its own with a
// fresh directory and two log files. Nothing is queued, kept or told: no scheduler can be faster.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/files.h"
#include "sys/poller.h"
#include "sys/processes.h"
#include "sys/spawn.h"

extern char** environ;

namespace cattino {
namespace {

struct Options {
  int threads = 1;
  int count = 1000;
  int at_once = 2;
  std::string logs;
  std::vector<char*> command;  ///< ends with a null pointer
};

std::int64_t monotonic_ns() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

/// One launching thread with its share of the slots. All threads take their tasks off one counter.
class Lane {
 public:
  Lane(const Options& options, std::atomic<int>& next, int slots)
      : options_{options}, next_{next}, running_(static_cast<std::size_t>(slots)) {}

  void run() {
    for (std::size_t slot = 0; slot < running_.size(); ++slot) {
      launch(slot, 0);
    }
    while (active_ > 0) {
      for (const epoll_event& event : poller_.wait(-1)) {
        const std::int64_t ended_ns = monotonic_ns();
        sys::Spawned& process = running_[event.data.u64];
        sys::reap(process.pidfd.get());
        poller_.remove(process.pidfd.get());
        process.pidfd.reset();
        --active_;
        launch(event.data.u64, ended_ns);
      }
    }
  }

  [[nodiscard]] const std::vector<std::int64_t>& gaps_ns() const { return gaps_ns_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void launch(std::size_t slot, std::int64_t ended_ns) {
    const int task = next_.fetch_add(1);
    if (task >= options_.count || failed_) {
      return;
    }
    const std::string directory = fmt::format("{}/{}", options_.logs, task);
    ::mkdir(directory.c_str(), 0777);
    constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    const sys::Fd out{::open((directory + "/stdout.log").c_str(), flags, 0666)};
    const sys::Fd err{::open((directory + "/stderr.log").c_str(), flags, 0666)};
    sys::SpawnRequest request;
    request.executable = options_.command.front();
    request.argv = options_.command.data();
    request.environment = environ;
    request.stdout_fd = out.get();
    request.stderr_fd = err.get();
    running_[slot] = spawner_.spawn(request);
    if (!out || !err || !running_[slot].ok()) {
      failed_ = true;
      return;
    }
    if (ended_ns != 0) {
      gaps_ns_.push_back(monotonic_ns() - ended_ns);
    }
    ++active_;
    poller_.add(running_[slot].pidfd.get(), slot);
  }

  const Options& options_;
  std::atomic<int>& next_;
  sys::Spawner spawner_;
  sys::Poller poller_;
  std::vector<sys::Spawned> running_;
  int active_ = 0;
  bool failed_ = false;
  std::vector<std::int64_t> gaps_ns_;  ///< from the news of an end to the next program's exec
};

double cpu_us(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

double percentile_ms(const std::vector<std::int64_t>& sorted, std::size_t percent) {
  if (sorted.empty()) {
    return 0;
  }
  return static_cast<double>(sorted[(sorted.size() - 1) * percent / 100]) / 1e6;
}

bool take_number(std::string_view text, int& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size() && into > 0;
}

bool parse(int count, char** words, Options& options) {
  int at = 1;
  for (; at + 1 < count && std::string_view{words[at]}.starts_with("--"); at += 2) {
    const std::string_view name{words[at]};
    const std::string_view value{words[at + 1]};
    const bool good = name == "--threads"   ? take_number(value, options.threads)
                      : name == "--count"   ? take_number(value, options.count)
                      : name == "--at-once" ? take_number(value, options.at_once)
                                            : name == "--logs";
    if (!good) {
      return false;
    }
    if (name == "--logs") {
      options.logs = value;
    }
  }
  options.command.assign(words + at, words + count);
  options.command.push_back(nullptr);
  return options.command.front() != nullptr && !options.logs.empty();
}

int run(const Options& options) {
  if (const Status made = sys::make_directories(options.logs); !made) {
    fmt::print(stderr, "floor: {}\n", made.error().message);
    return 1;
  }
  std::atomic<int> next{0};
  const int threads = std::min(options.threads, options.at_once);
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int lane = 0; lane < threads; ++lane) {
    const int slots = options.at_once / threads + (lane < options.at_once % threads ? 1 : 0);
    lanes.push_back(std::make_unique<Lane>(options, next, slots));
  }
  const std::int64_t began_ns = monotonic_ns();
  std::vector<std::thread> others;
  for (std::size_t lane = 1; lane < lanes.size(); ++lane) {
    others.emplace_back([&lanes, lane] { lanes[lane]->run(); });
  }
  lanes.front()->run();
  for (std::thread& other : others) {
    other.join();
  }
  const double seconds = static_cast<double>(monotonic_ns() - began_ns) / 1e9;
  std::vector<std::int64_t> gaps;
  bool failed = false;
  for (const std::unique_ptr<Lane>& lane : lanes) {
    gaps.insert(gaps.end(), lane->gaps_ns().begin(), lane->gaps_ns().end());
    failed = failed || lane->failed();
  }
  if (failed) {
    fmt::print(stderr, "floor: a task could not be started\n");
    return 1;
  }
  std::sort(gaps.begin(), gaps.end());
  fmt::print(
      "{{\"tasks_per_second\": {:.1f}, \"cpu_us_per_task_self\": {:.1f}, "
      "\"cpu_us_per_task_children\": {:.1f}, \"end_to_start_ms_p50\": {:.3f}, "
      "\"end_to_start_ms_p99\": {:.3f}}}\n",
      options.count / seconds,
      cpu_us(RUSAGE_SELF) / options.count,
      cpu_us(RUSAGE_CHILDREN) / options.count,
      percentile_ms(gaps, 50),
      percentile_ms(gaps, 99));
  return 0;
}

}  // namespace
}  // namespace cattino

int main(int count, char** words) {
  cattino::Options options;
  if (!cattino::parse(count, words, options)) {
    fmt::print(
        stderr, "usage: floor [--threads T] [--count N] [--at-once K] --logs DIR PROGRAM [ARGS]\n");
    return 2;
  }
  return cattino::run(options);
}
