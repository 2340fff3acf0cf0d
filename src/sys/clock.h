// The clocks. The only place that reads them.
#pragma once

#include <string>

#include "base/time.h"

namespace cattino::sys {

/// Wall time as an instant that never goes back in the life of this object: the wall clock read once,
/// advanced by CLOCK_BOOTTIME. Not thread-safe.
class Clock {
 public:
  /// `not_before`: the latest instant that earlier lives are known to have used.
  explicit Clock(Time not_before = {});
  [[nodiscard]] Time now() const;

 private:
  Time anchor_;
  Duration boot_anchor_;
};

/// Time since boot, suspended time included.
Duration since_boot();

/// /proc/sys/kernel/random/boot_id, without its newline; empty if it cannot be read.
std::string boot_id();

}  // namespace cattino::sys
