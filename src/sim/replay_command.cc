// meow-sim replay: a recorded trace in time, and what it cost the core.
#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/core.h>

#include "base/text.h"
#include "sim/commands.h"
#include "sim/replay.h"

namespace cattino::sim {
namespace {

namespace json = boost::json;

Result<Recording> read_recording(const ReplayOptions& options, std::string& at) {
  auto hosts = read_as(options.nodes, at, read_nodes);
  if (!hosts) {
    return hosts.error();
  }
  if (options.hosts != 0 && options.hosts < hosts->size()) {
    hosts->resize(options.hosts);
  }
  auto pods = read_as(options.pods, at, read_recorded_pods);
  if (!pods) {
    return pods.error();
  }
  return recording_of(std::move(*hosts), std::move(*pods));
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

struct Summary {
  std::size_t gpus = 0;
  Duration makespan;   ///< from the first arrival to the last end
  double gpu_use = 0;  ///< share of the GPUs' time in it that was allocated
  std::uint64_t waited = 0;
  Duration mean;
  Duration median;
  Duration p95;
  Duration worst;
};

void note_waits(Summary& summary, std::vector<Duration> waits) {
  if (waits.empty()) {
    return;
  }
  std::sort(waits.begin(), waits.end());
  Duration sum;
  for (const Duration wait : waits) {
    sum = sum + wait;
    summary.waited += wait > Duration{} ? 1U : 0U;
  }
  summary.mean = {sum.us / static_cast<std::int64_t>(waits.size())};
  summary.median = percentile(waits, 50);
  summary.p95 = percentile(waits, 95);
  summary.worst = waits.back();
}

Summary summary_of(const Recording& recording, const Replay& result) {
  Summary summary;
  for (const core::Host& host : recording.hosts) {
    summary.gpus += host.devices.size();
  }
  Duration first = recording.pods.front().created;
  for (const RecordedPod& pod : recording.pods) {
    first = std::min(first, pod.created);
  }
  std::vector<Duration> waits;
  double used = 0;
  for (const PodSpan& span : result.spans) {
    const RecordedPod& pod = recording.pods[span.pod];
    waits.push_back(span.start - pod.created);
    summary.makespan = std::max(summary.makespan, span.end - first);
    used += static_cast<double>(milli_of(pod.request)) *
            static_cast<double>((span.end - span.start).ms());
  }
  constexpr double whole_milli = 1000;
  const double there =
      static_cast<double>(summary.gpus) * whole_milli * static_cast<double>(summary.makespan.ms());
  summary.gpu_use = there > 0 ? used / there : 0;
  note_waits(summary, std::move(waits));
  return summary;
}

json::array timeline_of(const Recording& recording, const Replay& result) {
  json::array timeline;
  for (const PodSpan& span : result.spans) {
    timeline.push_back(json::object{
        {"pod", span.pod + 1},
        {"submitted_us", recording.pods[span.pod].created.us},
        {"start_us", span.start.us},
        {"end_us", span.end.us},
        {"host", span.host},
        {"devices", json::array(span.devices.begin(), span.devices.end())}});
  }
  return timeline;
}

json::object object_of(const Recording& recording, const Replay& result, const Summary& summary) {
  return {
      {"hosts", recording.hosts.size()},
      {"gpus", summary.gpus},
      {"pods", recording.pods.size()},
      {"refused", result.refused},
      {"unfinished", result.unfinished},
      {"unknown_runs", recording.unknown},
      {"usual_run_us", recording.usual.us},
      {"makespan_us", summary.makespan.us},
      {"gpu_use", summary.gpu_use},
      {"waited", summary.waited},
      {"wait_us",
       json::object{
           {"mean", summary.mean.us},
           {"median", summary.median.us},
           {"p95", summary.p95.us},
           {"worst", summary.worst.us}}},
      {"largest_queue", result.largest_queue},
      {"events", result.events},
      {"step_s", seconds(result.in_step)},
      {"timeline", timeline_of(recording, result)}};
}

void print(const Recording& recording, const Replay& result, const Summary& summary) {
  fmt::print("hosts     {}, with {} GPUs\n", recording.hosts.size(), summary.gpus);
  fmt::print(
      "pods      {}; {} without recorded times run for the median of the others, {}\n",
      recording.pods.size(),
      recording.unknown,
      describe(recording.usual));
  fmt::print(
      "ended     {}; {} that no host could hold were refused\n",
      result.spans.size(),
      result.refused);
  fmt::print("makespan  {}\n", describe(summary.makespan));
  fmt::print("GPU use   {:.2f} %\n", 100 * summary.gpu_use);
  fmt::print(
      "waits     mean {} · median {} · p95 {} · worst {}\n",
      describe(summary.mean),
      describe(summary.median),
      describe(summary.p95),
      describe(summary.worst));
  fmt::print("waited    {}, at most {} at a time\n", summary.waited, result.largest_queue);
  fmt::print("events    {}\n", result.events);
  constexpr double micro = 1e6;
  fmt::print(
      "in step   {:.3f} s, {:.2f} us an event\n",
      seconds(result.in_step),
      seconds(result.in_step) * micro / static_cast<double>(result.events));
}

}  // namespace

int replay_trace(const ReplayOptions& options) {
  std::string at;
  const Result<Recording> recording = read_recording(options, at);
  if (!recording) {
    return complain(at, recording.error());
  }
  const Replay result = replay(*recording);
  const Summary summary = summary_of(*recording, result);
  if (options.json) {
    fmt::print("{}\n", json::serialize(object_of(*recording, result, summary)));
  } else {
    print(*recording, result, summary);
  }
  if (result.unfinished > 0) {
    fmt::print(stderr, "meow-sim: {} pods never started\n", result.unfinished);
    return exit_mismatch;
  }
  return 0;
}

}  // namespace cattino::sim
