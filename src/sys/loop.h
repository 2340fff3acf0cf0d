// The event loop of the daemon and the command line, over Boost.Asio, which only loop.cc and the HTTP
// files include. One thread runs it; `post` may be called from any thread, all else only from callbacks.
#pragma once

#include <functional>
#include <memory>

#include "base/time.h"

namespace boost::asio {
class io_context;
}

namespace cattino::sys {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs callbacks until `stop`. It makes no system call while nothing happens.
  void run();
  void stop();

  /// Queues `work` to run on the loop's thread, after what is queued. From any thread.
  void post(std::function<void()> work);

  /// For the files that speak Asio.
  boost::asio::io_context& context();

 private:
  friend class Timer;
  friend class Watch;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Calls back once after a delay. Destroying or re-arming it cancels: the old callback never runs.
class Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void arm(Duration delay, std::function<void()> callback);
  void cancel();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// Calls back whenever a descriptor is readable (level-triggered), until destroyed. Does not own it.
class Watch {
 public:
  Watch(Loop& loop, int fd, std::function<void()> readable);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// Calls `writable` once when the descriptor can be written to.
  void when_writable(std::function<void()> writable);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// A thread that runs what it is given, one after the other, for calls that block (drivers, fsync,
/// long queries). Results come back by Loop::post. The destructor finishes what is queued.
class Worker {
 public:
  explicit Worker(const char* name);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void post(std::function<void()> work);  ///< from any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cattino::sys
