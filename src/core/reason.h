// Why a task waits, as data. Words are made of it elsewhere, where names are known.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/amounts.h"
#include "base/ids.h"
#include "base/time.h"
#include "core/task.h"

namespace cattino::core {

/// One device of the best host for the task, as the task sees it.
struct DeviceView {
  std::uint16_t index = 0;
  bool fits = false;
  Mib total;
  Mib free;                     ///< after strangers and the claims of running tasks
  std::vector<TaskId> holders;  ///< running tasks with a claim on it
};

struct Reason {
  enum class Kind : std::uint8_t {
    none,          ///< it does not wait
    dependencies,  ///< `nodes`: up to 8 prerequisites that have not ended; `count`: all of them
    dependency_failed,  ///< kept waiting: `nodes` ended so that it cannot run
    devices,            ///< not enough devices that fit: `wanted`, `fitting`, `devices`
    cpus,               ///< `wanted_cpus` against `free_cpus`
    ram,
    backoff,  ///< until `until`
    held,
    paused,
    lost,
    next,        ///< it fits and starts in this very turn
    counters,    ///< not enough of `counter` is left: `wanted_count` against `free_count`
    parallel,    ///< the group `nodes[0]` runs as many as it may: `count`
    not_before,  ///< the user wants it to start at `until` or later
    reserved,  ///< it would fit, but for what is reserved for `nodes[0]`, which starts at `until` (0: not known)
    behind,       ///< it would fit, but nothing starts before `nodes[0]`
    making_room,  ///< `count` tasks, the first of them in `nodes`, are being stopped for it
  };
  Kind kind = Kind::none;
  std::vector<Node> nodes;
  std::uint64_t count = 0;
  std::uint32_t host = 0;
  std::uint16_t wanted = 0;
  std::uint16_t fitting = 0;
  MemoryRequest memory;
  std::vector<DeviceView> devices;
  Millicores wanted_cpus;
  Millicores free_cpus;
  Mib wanted_ram;
  Mib free_ram;
  Time until;
  std::string counter;
  std::int64_t wanted_count = 0;
  std::int64_t free_count = 0;
  /// What is reserved for it, by device; of these, `idle` do nothing meanwhile.
  std::vector<std::uint16_t> holding;
  std::uint16_t idle = 0;
  /// When it starts at the latest if all goes as said (`exact`, by time limits), or about when by past runs;
  /// 0: nobody knows.
  Time start;
  bool exact = false;
};

/// What is wrong with new work, before it is taken.
struct Problem {
  enum class Kind : std::uint8_t {
    cycle,               ///< `nodes` in order around the cycle
    infeasible_devices,  ///< task `node` wants more devices that could ever fit than any host has
    infeasible_cpus,
    infeasible_ram,
    no_host,              ///< no host is known at all
    infeasible_counters,  ///< of `counter` there are `most_count` in all; 0: it is not declared
  };
  Kind kind = Kind::cycle;
  Node node;
  std::vector<Node> nodes;
  std::uint16_t wanted = 0;
  std::uint16_t most = 0;  ///< devices that could fit on the best empty host
  std::uint16_t of = 0;    ///< devices that host has at all
  Mib largest;             ///< memory of its largest device
  Millicores most_cpus;
  Mib most_ram;
  std::string counter;
  std::int64_t most_count = 0;
  bool pinned = false;  ///< only devices that it is pinned to were looked at
};

}  // namespace cattino::core
