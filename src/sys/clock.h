// The clocks. The only place that reads them.
#pragma once

#include <string>

#include "base/time.h"

namespace cattino::sys {

/// Time since boot, suspended time included.
Duration since_boot();

/// Wall time as an instant that never goes back in the life of this object, nor jumps when the wall clock is
/// set: the wall clock read once, advanced by CLOCK_BOOTTIME. Not thread-safe.
class Clock {
 public:
  /// `not_before`: the latest instant that earlier lives are known to have used.
  explicit Clock(Time not_before = {});

  /// Goes on from an earlier life in the same boot, wherever the wall clock is now: `zero` is what that one
  /// had as its `zero()`.
  static Clock continued(Time zero);

  [[nodiscard]] Time now() const { return zero_ + since_boot(); }

  /// The instant at which the machine was booted, by this clock.
  [[nodiscard]] Time zero() const { return zero_; }

  /// Moves forward to `time`, if that is later than now.
  void advance_to(Time time);

  /// The instant by this clock at which the wall clock will show `wall`. They differ where it was set since.
  [[nodiscard]] Time at_wall(Time wall) const;

 private:
  Time zero_;
};

/// What the wall clock shows. It may jump, also back.
Time wall_now();

/// /proc/sys/kernel/random/boot_id, without its newline; empty if it cannot be read.
std::string boot_id();

}  // namespace cattino::sys
