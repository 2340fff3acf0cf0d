// What can be chosen about how the core decides. Plain values, fixed for the life of a scheduler.
#pragma once

#include <cstdint>
#include <vector>

#include "base/amounts.h"
#include "base/time.h"
#include "core/task.h"

namespace cattino::core {

/// Which of two ready tasks of one priority comes first.
enum class Order : std::uint8_t {
  submission,     ///< the one created first
  critical_path,  ///< the one with the longer path to the end of its graph, by expected runs
};

/// Lines of short tasks behind running ones: see line.cc. By default there are none.
struct LinePolicy {
  std::uint32_t length = 0;                         ///< behind each running task
  std::uint32_t short_ends = 8;                     ///< that many in a row of a shape …
  Duration short_run = Duration::milliseconds(10);  ///< … after runs of at most this
  Duration patience =
      Duration::milliseconds(20);  ///< with the task in front; then they are recalled
};

/// Which of the hosts and devices that fit.
enum class PlacementRule : std::uint8_t {
  tight,          ///< devices in use already, then the least left over on the devices taken
  first_fit,      ///< the lowest host and device
  best_fit,       ///< the host with the least left over, of devices and cores
  dot_product,    ///< the host where what is free matches what is asked for least
  fragmentation,  ///< where the expected requests lose least: see fragmentation.h
};

/// A kind of request, and how often one like it is expected.
struct Expected {
  Request request;
  std::int64_t weight = 1;
};

struct PlacementPolicy {
  PlacementRule rule = PlacementRule::tight;
  // For `fragmentation`.
  std::vector<Expected> expected;
  std::int64_t stranded_weight = 3;
  std::int64_t unpacked_weight = 1;
  // For `best_fit` and `dot_product`: what shares are of.
  Mib largest_memory;
  Millicores largest_cpus;
};

struct Policy {
  Order order = Order::submission;
  PlacementPolicy placement = {};
  LinePolicy lines = {};
};

}  // namespace cattino::core
