// Handing values from thread to thread: a queue that a thread sleeps on, and one that an event loop
// watches. The mutexes of the program are here, in Worker and nowhere else.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

#include "sys/fd.h"

namespace cattino::sys {

/// Values for one or more sleeping threads, in order.
template <class T>
class Queue {
 public:
  void push(T value) {
    {
      const std::lock_guard lock{mutex_};
      values_.push_back(std::move(value));
    }
    filled_.notify_one();
  }

  /// Sleeps until there is a value; nothing once the queue is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock{mutex_};
    filled_.wait(lock, [this] { return closed_ || !values_.empty(); });
    if (values_.empty()) {
      return std::nullopt;
    }
    std::optional<T> value{std::move(values_.front())};
    values_.pop_front();
    return value;
  }

  void close() {
    {
      const std::lock_guard lock{mutex_};
      closed_ = true;
    }
    filled_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<T> values_;
  bool closed_ = false;
};

/// Values for a thread that waits in epoll: `fd()` is readable while there is one that is to wake it.
template <class T>
class Mailbox {
 public:
  Mailbox() : event_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {}

  /// From any thread. Wakes the reader.
  void post(T value) {
    const std::lock_guard lock{mutex_};
    values_.push_back(std::move(value));
    ring();
  }

  /// From any thread. Wakes the reader only if it `listens`. Nobody takes the value before `first` has
  /// been done with it.
  template <class First>
  void post_quietly(T value, First first) {
    const std::lock_guard lock{mutex_};
    first(value);
    values_.push_back(std::move(value));
    if (listens_) {
      ring();
    }
  }

  /// Whether what is posted quietly wakes the reader, too: from now on, and what is there already.
  void listen(bool to_all) {
    const std::lock_guard lock{mutex_};
    listens_ = to_all;
    if (listens_ && !values_.empty()) {
      ring();
    }
  }

  /// All that was posted.
  void take(std::vector<T>& into) {
    into.clear();
    const std::lock_guard lock{mutex_};
    into.swap(values_);
    if (rung_) {
      rung_ = false;
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof count);
    }
  }

  [[nodiscard]] int fd() const { return event_.get(); }

 private:
  void ring() {
    if (!rung_) {
      rung_ = true;
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
    }
  }

  Fd event_;
  std::mutex mutex_;
  std::vector<T> values_;
  bool rung_ = false;
  bool listens_ = false;
};

}  // namespace cattino::sys
