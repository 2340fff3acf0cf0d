// Work with known durations, run by the scheduling core on a simulated clock: every task runs as long as
// it is told, then ends well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/device.h"
#include "core/event.h"
#include "core/policy.h"

namespace cattino::sim {

struct Workload {
  core::Submitted work;            ///< ids of tasks are 1, 2, …
  std::vector<std::string> names;  ///< of tasks, in the order of `work`
  std::vector<Duration> runs;      ///< the same
};

/// One run of a task, from the start of the simulation.
struct Span {
  std::size_t task = 0;  ///< index into the workload
  Duration start;
  Duration end;
  std::uint32_t host = 0;
};

/// In the order of starts. Tasks that could never start are missing.
std::vector<Span> run(
    const Workload& workload, const std::vector<core::Host>& hosts, const core::Policy& policy);

/// How well a run went, beside what no schedule can beat.
struct Score {
  Duration makespan;
  Duration critical_path;  ///< the longest path through the graph
  Duration work;           ///< the sum of all runs
  Duration bound;          ///< the longer of critical path and work shared by all cores
  Duration mean_wait;      ///< from ready to start
};

/// For tasks of one core each on `cores` cores.
Score score(const Workload& workload, const std::vector<Span>& spans, std::int64_t cores);

/// Which core each span is drawn on: the lowest that is free at its start.
std::vector<std::size_t> lanes_of(const std::vector<Span>& spans);

}  // namespace cattino::sim
