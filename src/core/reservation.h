// Looking ahead on one host: when a request could start there if nothing new started, what is to be kept
// free for that, and whose end would make room at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/counters.h"
#include "core/device.h"
#include "core/task.h"
#include "core/use.h"

namespace cattino::core {

/// What is kept for a task that does not fit yet.
struct Reservation {
  TaskId task;
  const Request* request = nullptr;  ///< the task's
  std::uint32_t host = 0;
  Allocation allocation;  ///< what it could have at the shadow time
  Time shadow;  ///< when all of that is free at the latest; 0: not known; past: any moment
  std::size_t missing = 0;  ///< attempts that are to end before
  HostUse
      later;  ///< of the host, at the shadow time, with the allocation and those reserved before
  Counters counters;  ///< the same
};

/// A host as it is, and what was reserved on it before.
struct Outlook {
  const Host& host;
  const HostUse& use;
  const Holds& holds;
  const Counters& counters;
  std::vector<const Reservation*> reserved;
};

/// Attempts end in the order of their time limits, those without one last. None: the request would not
/// fit if all of them had ended. Counters are looked at as far as this host's attempts hold them.
std::optional<Reservation> look_ahead(const Outlook& outlook, TaskId task, const Request& request);

/// Which of the attempts that `may_stop` would have to be stopped, so that the request fits: as few, and of
/// as low a priority, as can be. Those that are being stopped count as gone. None: it would not fit even so.
std::optional<std::vector<TaskId>> make_room(
    const Outlook& outlook,
    const Request& request,
    const std::function<bool(TaskId, const Hold&)>& may_stop);

/// Could a task be kept from starting by `before` and not by `now`?
bool leaves_more(const Reservation& now, const Reservation& before);

/// The larger of both uses, device by device: what must not be touched by those that may not use
/// what is held now, nor what will be.
HostUse larger(const HostUse& now, const HostUse& later);

}  // namespace cattino::core
