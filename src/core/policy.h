// What can be chosen about how the core decides. Plain values, fixed for the life of a scheduler.
#pragma once

#include <cstdint>
#include <utility>
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

/// Reservations for heads: see heads.cc.
struct ReservationPolicy {
  std::uint32_t depth = 1;  ///< shapes whose first task may have one; 0: none is made
  /// Once a head has waited so long; at once if all running attempts have time limits.
  Duration after = Duration::seconds(600);
  bool backfill = true;  ///< tasks after a head may start before it; else it holds up all of them
};

/// Who comes first among users. Within one, priority and order decide.
struct SharePolicy {
  bool fair = false;  ///< the user who had least; else users are not told apart
  Duration half_life = Duration::seconds(7 * 24 * 3600);  ///< after which use counts half
  std::vector<std::pair<UserId, std::int64_t>> weights;   ///< of those who are due more than 1
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
  Duration aging =
      {};  ///< waiting so long counts as one of priority; 0: priority may starve others for ever
  ReservationPolicy reservations = {};
  SharePolicy shares = {};
  PlacementPolicy placement = {};
  LinePolicy lines = {};
};

}  // namespace cattino::core
