// A recorded trace played in time: every pod comes when it was created, and runs as long as it did then.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "core/device.h"
#include "sim/trace.h"

namespace cattino::sim {

struct Recording {
  std::vector<core::Host> hosts;
  std::vector<RecordedPod> pods;
  std::uint64_t unknown = 0;  ///< pods of which nobody knows how long they ran …
  Duration usual;             ///< … so they run for the median of the others
};

/// An error if no pod says how long it ran.
Result<Recording> recording_of(std::vector<core::Host> hosts, std::vector<RecordedPod> pods);

struct PodSpan {
  std::size_t pod = 0;  ///< index into the recording
  Duration start;
  Duration end;
  std::uint32_t host = 0;
  std::vector<std::uint16_t> devices;
};

struct Replay {
  std::vector<PodSpan> spans;    ///< in the order of starts
  std::uint64_t refused = 0;     ///< pods that no host could ever hold
  std::uint64_t unfinished = 0;  ///< neither refused nor ended: the core has forgotten them
  std::uint64_t largest_queue = 0;
  std::uint64_t events = 0;
  std::chrono::nanoseconds in_step{};  ///< of the wall clock
};

/// With what the daemon does by default.
Replay replay(const Recording& recording);

/// The value that `percent` % of the others do not exceed, by nearest rank. `sorted` is not empty.
Duration percentile(const std::vector<Duration>& sorted, std::size_t percent);

}  // namespace cattino::sim
