// Looking through /proc, as little as possible.
#include "supervisor/tree.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>

#include "supervisor/limits.h"
#include "sys/processes.h"

namespace cattino::supervisor {
namespace {

/// The numbers to look at.
std::vector<pid_t> candidates(const std::vector<Wanted>& wanted, pid_t last) {
  std::int64_t span = 0;
  for (const Wanted& one : wanted) {
    const bool near = one.after && *one.after <= last;
    span = std::max(span, near ? std::int64_t{last} - *one.after : probe_max + 1);
  }
  if (span > probe_max) {
    return sys::all_pids();
  }
  std::vector<pid_t> pids;
  pids.reserve(static_cast<std::size_t>(span));
  for (std::int64_t pid = last - span + 1; pid <= last; ++pid) {
    pids.push_back(static_cast<pid_t>(pid));
  }
  return pids;
}

/// Those handed out meanwhile. None if the numbers have started again.
std::vector<pid_t> numbers_between(pid_t before, pid_t last) {
  std::vector<pid_t> pids;
  for (pid_t pid = before + 1; pid <= last; ++pid) {
    pids.push_back(pid);
  }
  return pids;
}

void add_if_tagged(
    pid_t pid, std::uint64_t space, const std::set<std::uint64_t>& keys, FoundByKey& found) {
  const std::optional<sys::Tag> tag = sys::tag_of(pid);
  if (!tag || tag->space != space || !keys.contains(tag->key)) {
    return;
  }
  // Held by a pidfd, the process cannot be mistaken for another one any more: look again.
  sys::Fd pidfd = sys::open_pidfd(pid);
  const std::optional<sys::ProcessStat> stat = sys::stat_of(pid);
  std::vector<Found>& known = found[tag->key];
  const bool is_known =
      std::any_of(known.begin(), known.end(), [&](const Found& one) { return one.pid == pid; });
  if (pidfd && stat && !stat->ended() && !is_known && sys::tag_of(pid) == tag) {
    known.push_back({pid, std::move(pidfd)});
  }
}

}  // namespace

PidLedger::PidLedger() : loadavg_{::open("/proc/loadavg", O_RDONLY | O_CLOEXEC)} {}

void PidLedger::sample(const Launcher& launcher, Duration now) {
  const std::int64_t used_at_least = launcher.pids_used().at_least;
  const std::optional<pid_t> last = sys::last_pid(loadavg_.get());
  const std::int64_t used_at_most = launcher.pids_used().at_most;
  const bool too_late = now - std::exchange(sampled_, now) > counted_life_max;
  if (!last || *last < last_ || too_late) {
    // The numbers have started again, or may have: whatever lives now has seen a stranger.
    handed_out_ = floor_ + 1 + used_at_most;
  } else {
    handed_out_ += *last - last_;
  }
  last_ = last.value_or(0);
  floor_ = std::max(floor_, handed_out_ - used_at_most);
  ceiling_ = handed_out_ - used_at_least;
}

pid_t PidLedger::last_now() const {
  return sys::last_pid(loadavg_.get()).value_or(0);
}

PidLedger::Verdict PidLedger::since(std::int64_t before) const {
  if (ceiling_ <= before) {
    return Verdict::none;
  }
  return floor_ > before ? Verdict::some : Verdict::pending;
}

FoundByKey find_tagged(
    const std::vector<Wanted>& wanted, std::uint64_t space, const PidLedger& ledger) {
  FoundByKey found;
  std::set<std::uint64_t> keys;
  for (const Wanted& one : wanted) {
    keys.insert(one.key);
  }
  pid_t last = ledger.last_now();
  std::vector<pid_t> pids = candidates(wanted, last);
  for (int round = 0; !pids.empty() && round < chase_rounds_max; ++round) {
    for (const pid_t pid : pids) {
      add_if_tagged(pid, space, keys, found);
    }
    pids = numbers_between(last, ledger.last_now());
    last += static_cast<pid_t>(pids.size());
  }
  return found;
}

std::vector<Found> find_members(const sys::Cgroup& group) {
  std::vector<Found> found;
  for (const pid_t pid : group.members()) {
    found.push_back({pid, sys::open_pidfd(pid)});
  }
  // Held by a pidfd, a process cannot be mistaken for another one any more: look again.
  const std::vector<pid_t> again = group.members();
  const std::set<pid_t> still(again.begin(), again.end());
  std::erase_if(
      found, [&](const Found& process) { return !process.pidfd || !still.contains(process.pid); });
  return found;
}

std::unordered_map<pid_t, std::vector<pid_t>> children_of_all() {
  std::unordered_map<pid_t, std::vector<pid_t>> children;
  for (const pid_t pid : sys::all_pids()) {
    const std::optional<sys::ProcessStat> stat = sys::stat_of(pid);
    if (stat && !stat->ended()) {
      children[stat->parent].push_back(pid);
    }
  }
  return children;
}

bool is_shell_wrapper(pid_t pid) {
  const std::vector<std::string> words = sys::command_line_of(pid);
  if (words.size() < 3 || std::find(words.begin(), words.end(), "-c") == words.end()) {
    return false;
  }
  const std::string_view program{words.front()};
  const std::string_view base = program.substr(program.rfind('/') + 1);
  constexpr std::array shells{"sh", "bash", "dash", "zsh", "ksh", "ash", "mksh", "busybox"};
  return std::find(shells.begin(), shells.end(), base) != shells.end();
}

}  // namespace cattino::supervisor
