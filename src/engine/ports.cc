// Ports on loopback.
#include "engine/ports.h"

#include <bit>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "sys/fd.h"

namespace cattino::engine {

namespace {

bool is_free(std::uint16_t port) {
  const sys::Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return socket &&
         ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

std::uint16_t Ports::take() {
  for (int tries = 0; tries <= last - first; ++tries) {
    const std::uint16_t port = next_;
    next_ = next_ == last ? first : static_cast<std::uint16_t>(next_ + 1);
    if (!taken_.contains(port) && is_free(port)) {
      taken_.insert(port);
      return port;
    }
  }
  return 0;
}

}  // namespace cattino::engine
