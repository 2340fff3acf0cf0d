// A pidfd becomes readable when its process has ended.
#include "cli/departure.h"

#include <cerrno>

#include <poll.h>

#include "sys/processes.h"

namespace cattino::cli {

Departure::Departure(const wire::Health& health, bool keep_tasks)
    : last_(sys::open_pidfd(static_cast<pid_t>(keep_tasks ? health.pid : health.guardian))) {}

void Departure::wait(Duration patience) const {
  if (!last_) {
    return;
  }
  pollfd source{last_.get(), POLLIN, 0};
  while (poll(&source, 1, static_cast<int>(patience.ms())) < 0 && errno == EINTR) {
  }
}

}  // namespace cattino::cli
