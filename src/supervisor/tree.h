// Finding every process of an attempt, wherever it went: by its tag, in /proc.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include <sys/types.h>

#include "base/time.h"
#include "supervisor/launcher.h"
#include "supervisor/limits.h"
#include "sys/cgroup.h"
#include "sys/fd.h"

namespace cattino::supervisor {

/// Counts the pids that strangers were handed, so that the end of an attempt need not look through /proc
/// when nobody but this supervisor made a process during its life.
class PidLedger {
 public:
  PidLedger();

  /// Reads the last pid. Readings that lie too far apart count as if a stranger had been seen: in between
  /// the numbers may have gone round.
  void sample(const Launcher& launcher, Duration now);

  /// A count that surely was reached: for an attempt about to be launched.
  [[nodiscard]] std::int64_t strangers_at_least() const { return floor_; }

  enum class Verdict {
    none,     ///< no process but ours was made since `before`
    some,     ///< maybe
    pending,  ///< a launch is under way; ask again after it
  };
  [[nodiscard]] Verdict since(std::int64_t before) const;

  /// The pid handed out last, at this moment; 0 if unknown.
  [[nodiscard]] pid_t last_now() const;
  /// The reading is new enough for an attempt about to be launched.
  [[nodiscard]] bool is_fresh(Duration now) const { return now - sampled_ < reading_holds; }

 private:
  sys::Fd loadavg_;
  pid_t last_ = 0;
  Duration sampled_;
  std::int64_t handed_out_ = 0;  ///< by the kernel, to anybody
  std::int64_t floor_ = 0;       ///< strangers, at least
  std::int64_t ceiling_ = 0;     ///< strangers, at most
};

struct Found {
  pid_t pid = 0;
  sys::Fd pidfd;
};

/// An attempt whose processes are looked for.
struct Wanted {
  std::uint64_t key = 0;
  std::optional<pid_t> after;  ///< all of them were made after this pid, and not long ago
};

using FoundByKey = std::unordered_map<std::uint64_t, std::vector<Found>>;

/// The living processes (no zombies) that carry a wanted key in the tag space `space`. Processes that are made
/// meanwhile are looked at, too: of a chain that forks and ends, one is found.
FoundByKey find_tagged(
    const std::vector<Wanted>& wanted, std::uint64_t space, const PidLedger& ledger);

/// The living processes of a cgroup.
std::vector<Found> find_members(const sys::Cgroup& group);

/// Parent → children, of the whole machine.
std::unordered_map<pid_t, std::vector<pid_t>> children_of_all();

/// True if a process is a shell that runs a command for us (`sh -c …`).
bool is_shell_wrapper(pid_t pid);

}  // namespace cattino::supervisor
