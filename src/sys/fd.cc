// Closing what an Fd owns.
#include "sys/fd.h"

#include <unistd.h>

namespace cattino::sys {

void Fd::reset(int fd) {
  const int old = std::exchange(fd_, fd);
  if (old >= 0 && old != fd) {
    ::close(old);  // After EINTR, too, Linux has closed it.
  }
}

}  // namespace cattino::sys
