// A bare epoll, for the programs that must not fail: supervisor and guardian.
#pragma once

#include <cstdint>
#include <span>

#include <sys/epoll.h>

#include "sys/fd.h"

namespace cattino::sys {

/// Level-triggered. What is registered is named by a token, never by its descriptor: a closed one may
/// be reported for as long as a child that was just forked still holds it. Call `remove` before a close.
class Poller {
 public:
  Poller();

  [[nodiscard]] bool valid() const { return static_cast<bool>(epoll_); }
  bool add(int fd, std::uint64_t token, std::uint32_t events = EPOLLIN);
  void change(int fd, std::uint64_t token, std::uint32_t events);
  void remove(int fd);

  /// Sleeps until something happens or `timeout_ms` (-1: for ever) is over; the events that happened.
  std::span<const epoll_event> wait(int timeout_ms);

 private:
  static constexpr int batch_max = 256;
  Fd epoll_;
  epoll_event events_[batch_max] = {};
};

}  // namespace cattino::sys
