// meow-sim workflow: recorded workflows on a machine of so many cores, beside what no schedule can beat.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/core.h>

#include "core/cycles.h"
#include "sim/commands.h"
#include "sim/gantt.h"
#include "sim/workflow.h"
#include "sim/workload.h"

namespace cattino::sim {
namespace {

namespace json = boost::json;

const char* name_of(core::Order order) {
  return order == core::Order::critical_path ? "critical-path" : "submission";
}

double ratio_of(const Score& score) {
  return score.bound.us == 0
             ? 1.0
             : static_cast<double>(score.makespan.us) / static_cast<double>(score.bound.us);
}

double seconds(Duration duration) {
  return static_cast<double>(duration.us) / 1e6;
}

core::Host machine(std::int64_t cores) {
  core::Host host;
  host.cpus = {cores * 1000};
  return host;
}

json::array timeline_of(const Workload& workload, const std::vector<Span>& spans) {
  const std::vector<std::size_t> lanes = lanes_of(spans);
  json::array timeline;
  timeline.reserve(spans.size());
  for (std::size_t i = 0; i < spans.size(); ++i) {
    timeline.push_back(json::object{
        {"task", workload.names[spans[i].task]},
        {"start_us", spans[i].start.us},
        {"end_us", spans[i].end.us},
        {"core", lanes[i]}});
  }
  return timeline;
}

/// Runs each file on each number of cores, prints a line each, and keeps what is to be written.
class Report {
 public:
  explicit Report(const WorkflowOptions& options) : options_(options) {
    if (options_.json != "-") {
      fmt::print(
          "{:<44} {:>6} {:>6} {:>12} {:>12} {:>7} {:>10} {:>6}\n",
          "WORKFLOW",
          "TASKS",
          "CORES",
          "MAKESPAN s",
          "BOUND s",
          "RATIO",
          "WAIT s",
          "USED");
    }
  }

  void add(const std::string& file, const Workload& workload, std::int64_t cores) {
    const std::vector<Span> spans = run(workload, {machine(cores)}, {.order = options_.order});
    const Score score = sim::score(workload, spans, cores);
    const double used =
        score.makespan.us == 0
            ? 0
            : seconds(score.work) / (seconds(score.makespan) * static_cast<double>(cores));
    const std::string name = file.substr(file.rfind('/') + 1);
    if (options_.json != "-") {
      fmt::print(
          "{:<44.44} {:>6} {:>6} {:>12.1f} {:>12.1f} {:>7.3f} {:>10.1f} {:>5.0f}%\n",
          name,
          workload.runs.size(),
          cores,
          seconds(score.makespan),
          seconds(score.bound),
          ratio_of(score),
          seconds(score.mean_wait),
          used * 100);
    }
    ratios_.push_back(ratio_of(score));
    complete_ = complete_ && spans.size() == workload.runs.size();
    if (!options_.json.empty()) {
      runs_.push_back(json::object{
          {"workflow", name},
          {"tasks", workload.runs.size()},
          {"cores", cores},
          {"order", name_of(options_.order)},
          {"makespan_us", score.makespan.us},
          {"critical_path_us", score.critical_path.us},
          {"work_us", score.work.us},
          {"bound_us", score.bound.us},
          {"mean_wait_us", score.mean_wait.us},
          {"timeline", timeline_of(workload, spans)}});
    }
    if (!options_.svg.empty()) {
      svg_ = gantt_svg(workload, spans);
    }
  }

  /// The last line, and the files.
  int finish() {
    double sum = 0;
    double worst = 0;
    for (const double ratio : ratios_) {
      sum += ratio;
      worst = std::max(worst, ratio);
    }
    if (options_.json != "-" && ratios_.size() > 1) {
      fmt::print(
          "order {}: makespan / bound {:.3f} in the mean of {}, {:.3f} at worst\n",
          name_of(options_.order),
          sum / static_cast<double>(ratios_.size()),
          ratios_.size(),
          worst);
    }
    if (options_.json == "-") {
      fmt::print("{}\n", json::serialize(runs_));
    } else if (!options_.json.empty() && !write(options_.json, json::serialize(runs_) + "\n")) {
      return exit_bad_input;
    }
    if (!svg_.empty() && !write(options_.svg, svg_)) {
      return exit_bad_input;
    }
    return complete_ ? 0 : exit_mismatch;
  }

 private:
  static bool write(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file) {
      fmt::print(stderr, "{}: cannot be written\n", path);
    }
    return static_cast<bool>(file);
  }

  const WorkflowOptions& options_;
  std::vector<double> ratios_;
  bool complete_ = true;
  json::array runs_;
  std::string svg_;
};

}  // namespace

int run_workflows(const WorkflowOptions& options) {
  if (!options.svg.empty() && options.files.size() * options.cores.size() != 1) {
    fmt::print(stderr, "--svg draws one run: name one workflow and one number of cores\n");
    return exit_bad_input;
  }
  std::vector<Workload> workloads;
  for (const std::string& file : options.files) {
    const Result<std::string> text = read_file(file);
    if (!text) {
      return complain(file, text.error());
    }
    Result<Workload> workload = read_workflow(*text);
    if (!workload) {
      return complain(file, workload.error());
    }
    if (const auto cycles = core::find_cycles(workload->work, 1); !cycles.empty()) {
      const std::string& name = workload->names[cycles[0][0].id - 1];
      return complain(file, {ErrorCode::invalid, "a cycle goes through " + name, {}, {}});
    }
    workloads.push_back(std::move(*workload));
  }
  Report report(options);
  for (std::size_t i = 0; i < workloads.size(); ++i) {
    for (const std::int64_t cores : options.cores) {
      report.add(options.files[i], workloads[i], cores);
    }
  }
  return report.finish();
}

}  // namespace cattino::sim
