// Ports on loopback.
#include "engine/ports.h"

#include <algorithm>
#include <cstddef>

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

std::uint16_t Ports::take(Time now) {
  std::uint16_t port = take_of_round(now);
  while (port == 0 && round_ < ports_.size()) {
    next_ = round_;
    round_ = std::min(round_ * 2, ports_.size());
    port = take_of_round(now);
  }
  return port;
}

std::uint16_t Ports::take_of_round(Time now) {
  for (std::size_t tries = 0; tries < round_; ++tries) {
    const std::size_t at = next_;
    next_ = (next_ + 1) % round_;
    Port& port = ports_.at(at);
    const auto number = static_cast<std::uint16_t>(first + at);
    if (!port.taken && seen_free(number, port, now)) {
      port.taken = true;
      return number;
    }
  }
  return 0;
}

bool Ports::seen_free(std::uint16_t number, Port& port, Time now) {
  if (now < port.checked + check_holds) {
    return true;
  }
  port.checked = is_free(number) ? now : Time{};
  return static_cast<bool>(port.checked);
}

void Ports::give_back(std::uint16_t port) {
  if (port >= first && port <= last) {
    ports_[port - first].taken = false;
  }
}

}  // namespace cattino::engine
