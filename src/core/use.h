// What attempts hold of a host.
#pragma once

#include <vector>

#include "base/amounts.h"
#include "base/ids.h"

namespace cattino::core {

/// What attempts hold of one device.
struct DeviceUse {
  Mib claimed;
  Mib limit;                    ///< the most that claims may come to: the largest total seen
  bool whole = false;           ///< held alone
  std::vector<TaskId> holders;  ///< in order of ids
};

/// What attempts hold of one host.
struct HostUse {
  std::vector<DeviceUse> devices;  ///< by index; may be shorter or longer than the host's list
  Millicores cpus;
  Mib ram;
};

}  // namespace cattino::core
