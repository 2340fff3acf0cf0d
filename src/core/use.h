// What attempts hold of a host.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/amounts.h"
#include "base/ids.h"
#include "base/time.h"
#include "core/task.h"

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

  void take(TaskId task, const Allocation& allocation);
  /// It must have been taken.
  void release(TaskId task, const Allocation& allocation);
};

/// One attempt's hold on a host, and what is known of its end. Owned by the pool; what it points to is
/// the task's.
struct Hold {
  const Allocation* allocation = nullptr;
  const Request* request = nullptr;
  Time started;
  Time end;  ///< at the latest, by its time limit; 0: nobody knows
  std::int32_t priority = 0;
  bool preemptible = false;
  bool ending = false;  ///< it is being stopped
};

using Holds = std::map<TaskId, Hold>;

}  // namespace cattino::core
