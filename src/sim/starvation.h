// A task that wants every device of a host, in a stream of tasks of one device each that never ends: when
// does it start, and what do the devices do until then?
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "core/policy.h"

namespace cattino::sim {

struct Stream {
  std::uint64_t seed = 1;
  bool limits = false;  ///< each has a time limit: its run and a fifth of it
};

constexpr std::uint16_t stream_devices = 8;
/// So many tasks of the stream always wait; their runs are drawn between these, as many from 1 to 2 minutes
/// as from 2 to 4.
constexpr std::size_t stream_ready = 16;
constexpr Duration shortest_run = Duration::seconds(30);
constexpr Duration longest_run = Duration::seconds(600);
/// When the task for all devices is submitted, and how long one waits for its start.
constexpr Duration gang_comes = Duration::seconds(600);
constexpr Duration gang_patience = Duration::seconds(24 * 3600);

/// Times are from the start of the simulation.
struct StreamSpan {
  std::uint64_t task = 0;  ///< numbered as submitted
  Duration submitted;
  Duration start;
  Duration end;
  Duration limit;  ///< 0: none
  std::vector<std::uint16_t> devices;
};

struct Starvation {
  std::uint64_t gang = 0;            ///< its number
  std::optional<Duration> reserved;  ///< since when room is kept for it
  std::optional<Duration> started;
  std::vector<StreamSpan> spans;  ///< in the order of starts, up to its own
};

Starvation starve(const core::Policy& policy, const Stream& stream);

/// When it starts at the latest, once room is kept for it: when all that ran then has ended, by time limits
/// if there are any.
std::optional<Duration> bound_of(const Starvation& starvation);

/// The share of device time that was used, from its submission until its start, or for as long as one waited.
double used_while_waiting(const Starvation& starvation);

}  // namespace cattino::sim
