// Holding and letting go.
#include "core/use.h"

#include <algorithm>
#include <cstddef>

#include "base/check.h"
#include "core/planted.h"

namespace cattino::core {
namespace {

void remove_holder(DeviceUse& device, TaskId task) {
  const auto holder = std::lower_bound(device.holders.begin(), device.holders.end(), task);
  CHECK(holder != device.holders.end() && *holder == task);
  device.holders.erase(holder);
}

}  // namespace

void HostUse::take(TaskId task, const Allocation& allocation) {
  cpus.value += allocation.cpus.value;
  ram += allocation.ram;
  for (std::size_t i = 0; i < allocation.devices.size(); ++i) {
    const std::size_t index = allocation.devices[i];
    if (index >= devices.size()) {
      devices.resize(index + 1);
    }
    DeviceUse& device = devices[index];
    if (!planted(Fault::overcommit)) {
      device.claimed += i < allocation.mib.size() ? allocation.mib[i] : Mib{};
    }
    device.whole = device.whole || allocation.whole;
    device.holders.insert(
        std::lower_bound(device.holders.begin(), device.holders.end(), task), task);
  }
}

void HostUse::release(TaskId task, const Allocation& allocation) {
  cpus.value -= allocation.cpus.value;
  ram -= allocation.ram;
  for (std::size_t i = 0; i < allocation.devices.size(); ++i) {
    DeviceUse& device = devices.at(allocation.devices[i]);
    device.claimed -= i < allocation.mib.size() ? allocation.mib[i] : Mib{};
    device.whole = device.whole && !allocation.whole;
    remove_holder(device, task);
  }
}

}  // namespace cattino::core
