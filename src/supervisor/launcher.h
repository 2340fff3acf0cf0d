// The threads that make log directories, open logs, find programs and spawn: what may block, or takes
// long, is done here and not on the thread that reaps.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/exit_status.h"
#include "supervisor/environment.h"
#include "supervisor/messages.h"
#include "sys/queue.h"
#include "sys/spawn.h"

namespace cattino::supervisor {

/// One start. Shared by the main thread, which may cancel it, and the thread that takes it.
struct LaunchJob {
  enum class State : std::uint8_t { queued, taken, cancelled };

  Spawn spawn;
  std::shared_ptr<const Environment> environment;  ///< null: empty
  std::atomic<State> state{State::queued};

  /// True for the one caller who moves it on from `queued`.
  bool claim(State as) {
    State expected = State::queued;
    return state.compare_exchange_strong(expected, as);
  }
};

struct LaunchResult {
  std::uint64_t key = 0;
  sys::Spawned spawned;
};

/// Bounds on the number of pids that our own launches have used up.
struct PidsUsed {
  std::int64_t at_least = 0;
  std::int64_t at_most = 0;
};

class Launcher {
 public:
  Launcher();
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  void push(std::shared_ptr<LaunchJob> job);

  /// Readable when there are results to take.
  [[nodiscard]] int fd() const { return results_.fd(); }
  void take(std::vector<LaunchResult>& results) { results_.take(results); }

  [[nodiscard]] PidsUsed pids_used() const;

 private:
  /// What one thread tells of its launches while it stands still in one.
  struct Lane {
    std::thread thread;
    std::atomic<std::int64_t> at_least{0};
    std::atomic<std::int64_t> at_most{0};
    volatile pid_t pid_seen = 0;  ///< written by the kernel as soon as the child has a pid
  };

  void run(Lane& lane);
  sys::Spawned launch(sys::Spawner& spawner, Lane& lane, const LaunchJob& job) const;
  sys::Spawned exec(
      sys::Spawner& spawner, Lane& lane, const LaunchJob& job, int out, int err) const;
  static sys::Spawned counted(sys::Spawner& spawner, Lane& lane, sys::SpawnRequest& request);

  sys::Queue<std::shared_ptr<LaunchJob>> jobs_;
  sys::Mailbox<LaunchResult> results_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<sys::ResourceLimit> own_limits_;  ///< what a task gets that names no limit of its own
  std::uint64_t tag_space_ = 0;
};

/// Lets this process hold as many descriptors as it may, and returns what it could hold before: tasks
/// are to get that.
sys::ResourceLimit raise_descriptor_limit();

}  // namespace cattino::supervisor
