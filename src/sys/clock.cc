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

Clock::Clock(Time not_before)
    : anchor_{std::max(microseconds(CLOCK_REALTIME), not_before.us)}, boot_anchor_{since_boot()} {}

Time Clock::now() const {
  return anchor_ + (since_boot() - boot_anchor_);
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
