// Two measures of what is lost: see fragmentation.h.
#include "core/fragmentation.h"

#include <algorithm>

#include "core/fit.h"

namespace cattino::core {
namespace {

struct Usable {
  std::int64_t slots = 0;   ///< with enough free
  std::int64_t free = 0;    ///< on these
  std::int64_t copies = 0;  ///< requests for one device that would fit
  std::int64_t packed = 0;  ///< what these would take
};

Mib claim_of(const Request& request, Mib total) {
  Device device;
  device.total = total;
  return claim_on(device, request.memory);
}

Usable usable_for(const Request& request, const Room& room) {
  Usable usable;
  for (const Room::Slot& slot : room.slots) {
    const std::int64_t claim = std::max<std::int64_t>(claim_of(request, slot.total).value, 1);
    const std::int64_t copies = slot.free.value / claim;
    usable.slots += copies > 0 ? 1 : 0;
    usable.free += copies > 0 ? slot.free.value : 0;
    usable.copies += copies;
    usable.packed += copies * claim;
  }
  return usable;
}

/// How many requests the host's cores and memory would serve, at most `most`.
std::int64_t served(const Request& request, const Room& room, std::int64_t most) {
  std::int64_t count = most;
  if (request.cpus.value > 0) {
    count = std::min(count, room.cpus.value / request.cpus.value);
  }
  if (request.ram.value > 0) {
    count = std::min(count, room.ram.value / request.ram.value);
  }
  return std::max<std::int64_t>(count, 0);
}

}  // namespace

std::int64_t Fragmentation::of(const Room& room) const {
  std::int64_t free = 0;
  for (const Room::Slot& slot : room.slots) {
    free += slot.free.value;
  }
  if (free == 0) {
    return 0;
  }
  std::int64_t sum = 0;
  for (const Expected& expected : policy_.expected) {
    const Request& request = expected.request;
    if (request.min_devices == 0) {
      continue;  // what it cannot use does not depend on where it is placed
    }
    const Usable usable = usable_for(request, room);
    const std::int64_t fit = served(request, room, usable.copies / request.min_devices);
    const bool can_run = fit > 0 && usable.slots >= request.min_devices;
    const std::int64_t stranded = can_run ? free - usable.free : free;
    // Copies on a device with little left are as good as any: the mean claim stands for each.
    const std::int64_t packed =
        can_run ? usable.packed * fit * request.min_devices / usable.copies : 0;
    sum += expected.weight *
           (policy_.stranded_weight * stranded + policy_.unpacked_weight * (free - packed));
  }
  return sum;
}

}  // namespace cattino::core
