// Reading and writing a connection.
#include "supervisor/connection.h"

#include <cerrno>

#include <sys/socket.h>

namespace cattino::supervisor {

bool Connection::receive() {
  const long got = reader_.read_from(fd_.get());
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

bool Connection::flush() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t wrote = ::send(fd_.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (wrote < 0 && errno == EINTR) {
      continue;
    }
    if (wrote < 0) {
      out_.erase(0, sent);
      return errno == EAGAIN;
    }
    sent += static_cast<std::size_t>(wrote);
  }
  out_.clear();
  return true;
}

}  // namespace cattino::supervisor
