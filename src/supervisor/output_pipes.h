// The pipes of a task whose logs have a limit, and the start of what copies from them (copier.h).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "sys/fd.h"
#include "sys/spawn.h"

namespace cattino::supervisor {

/// A pipe for each log: one if both are the same file. All ends close when it goes: then the task and the
/// copier have the only ones.
class OutputPipes {
 public:
  /// Borrows the logs. `err_log` is -1 where it is `out_log`.
  OutputPipes(int out_log, int err_log);

  [[nodiscard]] int error_number() const { return error_number_; }
  /// For the task.
  [[nodiscard]] int out() const { return out_.write.get(); }
  [[nodiscard]] int err() const { return err_.write ? err_.write.get() : out_.write.get(); }

  /// Starts the copier, as a process of its own that is nobody's tree.
  sys::Spawned start_copier(
      sys::Spawner& spawner,
      std::uint64_t limit,
      const std::string& path,
      std::atomic<pid_t>* seen);

 private:
  struct Pipe {
    int log = -1;
    sys::Fd read;
    sys::Fd write;
  };
  static int open(Pipe& pipe);

  Pipe out_;
  Pipe err_;
  int error_number_ = 0;
};

}  // namespace cattino::supervisor
