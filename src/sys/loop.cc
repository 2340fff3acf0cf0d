// The event loop over Boost.Asio. Asio's exceptions end here.
#include "sys/loop.h"

#include <chrono>
#include <exception>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/check.h"

namespace cattino::sys {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Asio threw where it cannot, unless we are wrong about it.
[[noreturn]] void must_not_throw(const char* belief) {
  check_failed(belief, __FILE__, __LINE__);
}

}  // namespace

struct Loop::Impl {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
};

Loop::Loop() : impl_{std::make_unique<Impl>()} {}
Loop::~Loop() = default;

void Loop::run() {
  try {
    impl_->context.restart();
    impl_->context.run();
  } catch (const std::exception&) {
    must_not_throw("no callback of the loop may throw");
  }
}

void Loop::stop() {
  impl_->context.stop();
}

void Loop::post(std::function<void()> work) {
  asio::post(impl_->context, std::move(work));
}

asio::io_context& Loop::context() {
  return impl_->context;
}

// ---- Timer ------------------------------------------------------------------------------------------

/// Shared with the pending wait, which may complete after the Timer has gone or was armed again: only
/// the wait of the present generation calls back.
struct Timer::Impl {
  explicit Impl(asio::io_context& context) : timer{context} {}

  void fire(const error_code& error, std::uint64_t armed, const std::function<void()>& call) const {
    if (!error && generation == armed) {
      call();
    }
  }

  asio::steady_timer timer;
  std::uint64_t generation = 0;
};

Timer::Timer(Loop& loop) : impl_{std::make_shared<Impl>(loop.impl_->context)} {}

Timer::~Timer() {
  cancel();
}

void Timer::arm(Duration delay, std::function<void()> callback) {
  const std::uint64_t generation = ++impl_->generation;
  try {
    impl_->timer.expires_after(std::chrono::microseconds{delay.us});
    impl_->timer.async_wait([impl = impl_, generation, call = std::move(callback)](
                                const error_code& error) { impl->fire(error, generation, call); });
  } catch (const std::exception&) {
    must_not_throw("a timer can be armed");
  }
}

void Timer::cancel() {
  ++impl_->generation;
  try {
    impl_->timer.cancel();
  } catch (const std::exception&) {
    must_not_throw("a timer can be cancelled");
  }
}

// ---- Watch ------------------------------------------------------------------------------------------

struct Watch::Impl : std::enable_shared_from_this<Watch::Impl> {
  explicit Impl(asio::io_context& context) : descriptor{context} {}

  void wait_readable() {
    descriptor.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [self = shared_from_this()](const error_code& error) {
          if (error || !self->alive) {
            return;
          }
          self->readable();
          if (self->alive) {
            self->wait_readable();
          }
        });
  }

  void wait_writable(std::function<void()> writable) {
    descriptor.async_wait(
        asio::posix::stream_descriptor::wait_write,
        [self = shared_from_this(), call = std::move(writable)](const error_code& error) {
          if (!error && self->alive) {
            call();
          }
        });
  }

  asio::posix::stream_descriptor descriptor;
  std::function<void()> readable;
  bool alive = true;
};

Watch::Watch(Loop& loop, int fd, std::function<void()> readable)
    : impl_{std::make_shared<Impl>(loop.impl_->context)} {
  impl_->readable = std::move(readable);
  try {
    impl_->descriptor.assign(fd);
    impl_->wait_readable();
  } catch (const std::exception&) {
    must_not_throw("only what epoll takes can be watched");
  }
}

Watch::~Watch() {
  impl_->alive = false;
  try {
    impl_->descriptor.release();  // Cancels the waits and leaves the descriptor open.
  } catch (const std::exception&) {
    must_not_throw("a watch can be released");
  }
}

void Watch::when_writable(std::function<void()> writable) {
  try {
    impl_->wait_writable(std::move(writable));
  } catch (const std::exception&) {
    must_not_throw("a watch can wait");
  }
}

}  // namespace cattino::sys
