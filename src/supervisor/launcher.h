// The threads that make log directories, open logs, find programs and spawn: what may block, or takes
// long, is done here and not on the thread that reaps.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/exit_status.h"
#include "supervisor/environment.h"
#include "supervisor/messages.h"
#include "sys/poller.h"
#include "sys/queue.h"
#include "sys/spawn.h"

namespace cattino::supervisor {

/// One start. Shared by the main thread, which may cancel it, and the thread that takes it.
struct LaunchJob {
  enum class State : std::uint8_t { queued, taken, cancelled };

  Spawn spawn;
  std::shared_ptr<const Environment> environment;  ///< null: empty
  std::atomic<State> state{State::queued};
  bool intended = false;  ///< the main thread's: its intent is in the journal, or on the way there
  bool pushed = false;    ///< the main thread's: it counts as under way
  int cgroup = -1;        ///< the one it is born in; open until it is over; -1: none
  std::span<const sys::Fd> doors;  ///< of further ones that it enters; likewise
  std::string ahead;  ///< a directory that the next start wants: made after this one; "": none

  /// True for the one caller who moves it on from `queued`.
  bool claim(State as) {
    State expected = State::queued;
    return state.compare_exchange_strong(expected, as);
  }
};

struct LaunchResult {
  std::uint64_t key = 0;
  sys::Spawned spawned;
  Duration at;  ///< since boot
  sys::Fd
      copier;  ///< the pidfd of what copies its output, if its logs have a limit: our child, too
};

/// Bounds on the number of pids that our own launches have used up.
struct PidsUsed {
  std::int64_t at_least = 0;
  std::int64_t at_most = 0;
};

/// Limits of this process.
struct OwnLimits {
  sys::ResourceLimit before;  ///< of descriptors, before we raised it: for a task that names none
  std::vector<sys::ResourceLimit> present;  ///< by resource
};

class OutputPipes;

/// A start that failed wakes the main thread. One that went well does not, unless it `listen`s: a short
/// task is told of, started and ended, in one go, and the main thread looks by itself soon enough.
class Launcher {
 public:
  /// The pidfd of each new process is watched in `poller`, by the key of its attempt.
  explicit Launcher(sys::Poller& poller);
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  void push(std::shared_ptr<LaunchJob> job);
  /// True if it had not begun, and will not.
  bool cancel(LaunchJob& job);

  /// Readable when somebody is to take results.
  [[nodiscard]] int fd() const { return results_.fd(); }
  void take(std::vector<LaunchResult>& results);
  /// Launches of which no result was taken yet.
  [[nodiscard]] std::size_t under_way() const { return under_way_; }
  void listen(bool to_all) { results_.listen(to_all); }

  [[nodiscard]] PidsUsed pids_used() const;

 private:
  /// What one thread tells of its launches while it stands still in one.
  struct Lane {
    std::thread thread;
    std::atomic<std::int64_t> at_least{0};
    std::atomic<std::int64_t> at_most{0};
    std::atomic<pid_t> pid_seen{0};  ///< written by the kernel as soon as the child has a pid
  };

  void run(Lane& lane);
  void launch(sys::Spawner& spawner, Lane& lane, const LaunchJob& job, LaunchResult& result) const;
  static sys::Spawned start_copier(
      sys::Spawner& spawner, Lane& lane, const Spawn& spawn, OutputPipes& pipes);
  sys::Spawned exec(
      sys::Spawner& spawner, Lane& lane, const LaunchJob& job, int out, int err) const;
  /// Counts the pid that `start` uses up.
  template <class Start>
  static sys::Spawned counted(Lane& lane, const Start& start);

  sys::Poller& poller_;
  std::size_t under_way_ = 0;
  sys::Queue<std::shared_ptr<LaunchJob>> jobs_;
  sys::Mailbox<LaunchResult> results_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  OwnLimits own_limits_;
  std::uint64_t tag_space_ = 0;
};

/// Lets this process hold as many descriptors as it may, and returns what it could hold before: tasks
/// are to get that.
sys::ResourceLimit raise_descriptor_limit();

}  // namespace cattino::supervisor
