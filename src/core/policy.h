// What can be chosen about how the core decides. Plain values, fixed for the life of a scheduler.
#pragma once

#include <cstdint>

#include "base/time.h"

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

struct Policy {
  Order order = Order::submission;
  LinePolicy lines;
};

}  // namespace cattino::core
