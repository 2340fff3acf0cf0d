// A cluster that is filled: hosts and pods of a recorded trace (the openb tables of clusterdata), pods drawn at
// random until so much of the cluster's GPUs was asked for. Nothing ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "core/device.h"
#include "core/policy.h"
#include "core/task.h"

namespace cattino::sim {

/// Memory of a GPU in the simulation: a thousandth of a GPU is 1 MiB.
constexpr Mib gpu_memory{1000};

struct Trace {
  std::vector<core::Host> hosts;
  std::vector<core::Request> pods;
};

/// CSV with a header; columns are found by name. The error's `field` is "line N, column".
Result<std::vector<core::Host>> read_nodes(std::string_view text);
Result<std::vector<core::Request>> read_pods(std::string_view text);

/// A pod as it was recorded.
struct RecordedPod {
  core::Request request;
  Duration created;
  std::optional<Duration> run;  ///< from scheduled_time to deletion_time, if both are there
};
/// Times are in seconds.
Result<std::vector<RecordedPod>> read_recorded_pods(std::string_view text);

/// Thousandths of a GPU that it asks for, of all its devices.
std::int64_t milli_of(const core::Request& request);

/// How often each kind of request is among the pods.
std::vector<core::Expected> expected_of(const std::vector<core::Request>& pods);

struct Filling {
  std::int64_t gpus_milli = 0;       ///< of the cluster
  std::int64_t asked_milli = 0;      ///< by all pods drawn
  std::int64_t allocated_milli = 0;  ///< to those that were placed
  std::uint64_t pods = 0;
  std::uint64_t placed = 0;
};

/// Draws pods with `seed` until at least `percent` % of the cluster's GPUs were asked for.
Filling fill(
    const Trace& trace, const core::Policy& policy, std::uint64_t seed, std::int64_t percent);

}  // namespace cattino::sim
