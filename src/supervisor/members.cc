// Attempts that have a cgroup: getting one, looking into it, ending all that is in it.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

#include "supervisor/limits.h"
#include "supervisor/supervisor.h"
#include "supervisor/tokens.h"
#include "sys/files.h"

namespace cattino::supervisor {

/// For an attempt about to be launched. What a host leaves over is none of our business: it gets none.
void Supervisor::give_slot(LaunchJob& job) {
  Attempt* const attempt = find(job.spawn.key);
  if (attempt == nullptr || attempt->plain || attempt->job.get() != &job) {
    return;  // cancelled
  }
  const Bounds& bounds = job.spawn.bounds;
  attempt->slot = pool_.take(bounds.any());
  if (attempt->slot) {
    job.cgroup = attempt->slot->group.fd();
  }
  if (bounds.any()) {
    attempt->enforced = enforcer_.begin(attempt->key, bounds, pool_, attempt->slot.get());
    job.doors = attempt->enforced->doors;
  }
}

/// It was launched: is it where it was to be?
void Supervisor::note_place(Attempt& attempt, const sys::Spawned& spawned) {
  if (attempt.enforced) {
    Enforcer::begun(*attempt.enforced, spawned.in_cgroup, spawned.through_doors);
  }
  if (attempt.slot && !spawned.in_cgroup) {
    pool_.refused(std::move(attempt.slot));
  }
}

/// For a process that somebody else started, before any user code runs in it.
void Supervisor::give_slot_to_child(Attempt& attempt, const Bounds& bounds) {
  attempt.slot = pool_.take(bounds.any());
  const bool in_slot = attempt.slot && attempt.slot->group.enter(attempt.pid);
  const int error = errno;
  if (bounds.any()) {
    attempt.enforced = enforcer_.begin(attempt.key, bounds, pool_, attempt.slot.get());
    const std::string pid = std::to_string(attempt.pid);
    bool through = true;
    for (const sys::Fd& door : attempt.enforced->doors) {
      through = sys::write_all(door.get(), pid) == 0 && through;
    }
    Enforcer::begun(*attempt.enforced, in_slot, through);
  }
  if (!attempt.slot || in_slot) {
    return;
  }
  errno = error;
  if (errno == ESRCH) {
    pool_.give_back(std::move(attempt.slot), !bounds.any());
  } else {
    pool_.refused(std::move(attempt.slot));
  }
}

void Supervisor::take_slot_back(Attempt& attempt, bool clean) {
  if (attempt.slot) {
    pool_.give_back(std::move(attempt.slot), clean && !attempt.enforced);
  }
  if (attempt.enforced) {
    enforcer_.end(std::move(attempt.enforced));
  }
}

/// No walk through /proc: the kernel knows whether anybody is left.
void Supervisor::look_into(Attempt& attempt, FoundByKey& to_kill) {
  attempt.unchecked = false;
  const sys::Cgroup& group = attempt.slot->group;
  // One that is ending still counts as somebody on some kernels, but is no member any more.
  const bool gone = !group.populated() || group.members().empty();
  const bool over = gone && attempt.state == Attempt::State::ended;
  const bool nothing_to_do = gone || attempt.phase == Attempt::Phase::killing;
  if (!over && nothing_to_do && !attempt.due_passed) {
    watch_slot(attempt);  // the leader's end is still to be told, or some take their time to die
    return;
  }
  std::vector<Found> found = gone ? std::vector<Found>{} : find_members(group);
  settle(attempt, found, gone, to_kill);
}

/// Level-triggered, and reading it was the reset: what happened since that is reported at once.
void Supervisor::watch_slot(Attempt& attempt) {
  if (attempt.watched.contains(0)) {
    return;
  }
  const std::uint64_t id = ++last_watch_;
  if (poller_.add(attempt.slot->group.events_fd(), token(TokenKind::watch, id), EPOLLPRI)) {
    attempt.watched[0] = id;
    watches_[id] = {attempt.key, 0, {}, false};
  }
}

void Supervisor::unwatch(const Watched& watched) {
  const Attempt& attempt = attempts_.at(watched.key);
  poller_.remove(watched.pidfd ? watched.pidfd.get() : attempt.slot->group.events_fd());
}

/// Those of `to_kill` whom the kernel did not kill in one step, and the cgroups among them frozen.
std::vector<std::uint64_t> Supervisor::kill_in_one_step(const FoundByKey& to_kill) {
  std::vector<std::uint64_t> left;
  for (const auto& [key, found] : to_kill) {
    const Attempt& attempt = attempts_.at(key);
    if (attempt.slot && pool_.kill(*attempt.slot)) {
      continue;
    }
    if (attempt.slot) {
      attempt.slot->group.freeze(true);
    }
    left.push_back(key);
  }
  return left;
}

FoundByKey Supervisor::find_again(const std::vector<std::uint64_t>& keys) {
  std::vector<Wanted> by_tag;
  FoundByKey found;
  for (const std::uint64_t key : keys) {
    const Attempt& attempt = attempts_.at(key);
    if (attempt.slot) {
      found[key] = find_members(attempt.slot->group);
    } else {
      by_tag.push_back({key, std::nullopt});
    }
  }
  if (!by_tag.empty()) {
    found.merge(find_tagged(by_tag, tag_space_, ledger_));
  }
  return found;
}

}  // namespace cattino::supervisor
