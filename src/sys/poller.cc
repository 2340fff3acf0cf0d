// A bare epoll.
#include "sys/poller.h"

namespace cattino::sys {

Poller::Poller() : epoll_{::epoll_create1(EPOLL_CLOEXEC)} {}

bool Poller::add(int fd, std::uint64_t token, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::change(int fd, std::uint64_t token, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

std::span<const epoll_event> Poller::wait(int timeout_ms) {
  const int count =
      ::epoll_wait(epoll_.get(), static_cast<epoll_event*>(events_), batch_max, timeout_ms);
  return {
      static_cast<const epoll_event*>(events_), static_cast<std::size_t>(count < 0 ? 0 : count)};
}

}  // namespace cattino::sys
