// Reading the clocks of the kernel.
#include "sys/clock.h"

#include <algorithm>
#include <ctime>

#include "sys/files.h"

namespace cattino::sys {
namespace {

std::int64_t microseconds(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return std::int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000;
}

}  // namespace

Clock::Clock(Time not_before) : zero_{wall_now().us - since_boot().us} {
  advance_to(not_before);
}

Clock Clock::continued(Time zero) {
  Clock clock;
  clock.zero_ = zero;
  return clock;
}

void Clock::advance_to(Time time) {
  zero_.us = std::max(zero_.us, time.us - since_boot().us);
}

Time Clock::at_wall(Time wall) const {
  constexpr Duration noise =
      Duration::seconds(1);  // of a wall clock that is kept right, bit by bit
  const Duration ahead = now() - wall_now();
  return ahead > noise || Duration{-ahead.us} > noise ? wall + ahead : wall;
}

Time wall_now() {
  return {microseconds(CLOCK_REALTIME)};
}

Duration since_boot() {
  return {microseconds(CLOCK_BOOTTIME)};
}

std::string boot_id() {
  Result<std::string> text = read_file("/proc/sys/kernel/random/boot_id");
  if (!text) {
    return {};
  }
  std::string id = std::move(*text);
  while (!id.empty() && id.back() == '\n') {
    id.pop_back();
  }
  return id;
}

}  // namespace cattino::sys
