// A named thread with a queue.
#include <csignal>
#include <string>
#include <thread>

#include <pthread.h>

#include "sys/loop.h"
#include "sys/queue.h"

namespace cattino::sys {

struct Worker::Impl {
  Queue<std::function<void()>> queue;
  std::thread thread;

  void run() {
    while (std::optional<std::function<void()>> work = queue.pop()) {
      (*work)();
    }
  }
};

Worker::Worker(const char* name) : impl_{std::make_unique<Impl>()} {
  // The thread inherits a full mask: signals are for the thread that runs the loop.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  impl_->thread = std::thread{[impl = impl_.get()] {
    impl->run();
  }};
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const std::string short_name = std::string{name}.substr(0, 15);
  ::pthread_setname_np(impl_->thread.native_handle(), short_name.c_str());
}

Worker::~Worker() {
  impl_->queue.close();
  impl_->thread.join();
}

void Worker::post(std::function<void()> work) {
  impl_->queue.push(std::move(work));
}

}  // namespace cattino::sys
