// Whose memory a device's memory is: what tasks claimed, what they use beyond that, and strangers.
#pragma once

#include <span>
#include <string>

#include "core/device.h"
#include "devices/inventory.h"

namespace cattino::devices {

/// What a driver says of one device at one instant.
struct DeviceUse {
  Mib used;                               ///< of the device's memory, by anybody
  std::span<const ProcessUse> processes;  ///< use of -1 MiB: the driver does not say
};

constexpr Mib unknown_use{-1};

/// Fills in `used_by_others`, `strangers` and `note` of `device`. What a task uses up to its claim is
/// not others'; so free = total - claims - used_by_others is what the driver reports free, less the
/// part of claims not yet used. A task whose use is unknown is taken to use what it claimed. Processes
/// that only draw are never strangers; their memory counts. `root` comes before /proc.
void account(
    core::Device& device,
    const DeviceUse& use,
    const Attribution& attribution,
    const std::string& root);

}  // namespace cattino::devices
