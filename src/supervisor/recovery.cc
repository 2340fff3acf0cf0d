// Taking over from a supervisor that died: the journal, what the guardian reaped, and who still lives.
#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/ids.h"
#include "supervisor/limits.h"
#include "supervisor/supervisor.h"
#include "sys/faults.h"
#include "sys/processes.h"

namespace cattino::supervisor {
namespace {

constexpr std::size_t pipe_size = std::size_t{64} << 10U;

bool has(const std::vector<Found>& found, pid_t pid) {
  return std::any_of(found.begin(), found.end(), [&](const Found& one) { return one.pid == pid; });
}

void add_unknown(std::vector<Found> members, std::vector<Found>& known) {
  for (Found& member : members) {
    if (!has(known, member.pid)) {
      known.push_back(std::move(member));
    }
  }
}

/// The process that was spawned: the one whose pid the journal has; else the leader of a session.
std::optional<Found> take_leader(const Past& past, std::vector<Found>& found) {
  const auto leader = std::find_if(found.begin(), found.end(), [&](const Found& one) {
    if (!past.intended_only) {
      return one.pid == past.pid;
    }
    const std::optional<sys::ProcessStat> stat = sys::stat_of(one.pid);
    return stat && stat->session == one.pid;
  });
  if (leader == found.end()) {
    return std::nullopt;
  }
  return std::move(*leader);
}

/// The same process where it has ended and nobody has reaped it: its parent is a host that waits until
/// somebody takes note of its end.
std::optional<Found> unreaped(const Past& past, const sys::Tag& tag) {
  sys::Fd pidfd = past.intended_only ? sys::Fd{} : sys::open_pidfd(past.pid);
  const std::optional<sys::ProcessStat> stat = sys::stat_of(past.pid);
  if (!pidfd || !stat || !stat->ended() || sys::tag_of(past.pid) != tag) {
    return std::nullopt;
  }
  return Found{past.pid, std::move(pidfd)};
}

std::vector<Wanted> all_of(const Journal& journal) {
  std::vector<Wanted> wanted;
  wanted.reserve(journal.past.size());
  for (const auto& [key, past] : journal.past) {
    wanted.push_back({key, std::nullopt});
  }
  return wanted;
}

/// True if it is open how some attempt stands: not ended, and nothing of it to be seen.
bool unsettled(const Journal& journal, FoundByKey& found) {
  return std::any_of(journal.past.begin(), journal.past.end(), [&](const auto& entry) {
    const auto& [key, past] = entry;
    return !past.ended && (past.intended_only ? found[key].empty() : !has(found[key], past.pid));
  });
}

/// Takes what is news over; returns the records of it.
std::string note_ends(const std::vector<Exited>& reports, Journal& journal) {
  std::string noted;
  for (const Exited& report : reports) {
    const auto known = journal.past.find(report.key);
    if (known == journal.past.end() || known->second.ended) {
      continue;
    }
    Past& past = known->second;
    if (past.intended_only || past.pid == report.pid) {
      past.ended = true;
      past.intended_only = false;
      past.exited = report;
      noted += end_record(report);
    }
  }
  return noted;
}

}  // namespace

Status Supervisor::recover() {
  Journal journal = read_journal(journal_path_);
  sys::fault_point("supervisor.recovering");
  const bool same_boot = journal.boot_id == boot_id_;
  complete_ = same_boot;
  const bool same_life = same_boot && journal.epoch == options_.epoch;
  take_reports(journal);
  if (same_boot) {
    inherit_cgroups(journal);
  }
  FoundByKey found;
  if (same_boot && !journal.past.empty()) {
    found = same_life ? await_settled(journal) : find_past(journal);
  }
  for (const auto& [key, past] : journal.past) {
    recover_one(key, past, std::move(found[key]), same_life);
  }
  past_slots_.clear();
  enforcer_.tidy();
  pool_.begin(std::any_of(attempts_.begin(), attempts_.end(), [](const auto& entry) {
    return entry.second.slot != nullptr;
  }));
  Status opened = journal_.open(journal_path_, snapshot());
  sys::fault_point("supervisor.recovered");
  if (!opened && same_boot) {
    opened = journal_.go_on(journal_path_, snapshot());  // no room for another file
  }
  if (opened) {
    end_turn();
  }
  return opened;
}

void Supervisor::inherit_cgroups(const Journal& journal) {
  pool_.inherit(journal.cgroups);
  for (const auto& [key, past] : journal.past) {
    if (std::unique_ptr<CgroupSlot> slot = pool_.inherited(past.slot)) {
      past_slots_[key] = std::move(slot);
    }
  }
}

/// The living processes of all that the journal knows: by their tags, and who is in their cgroups.
FoundByKey Supervisor::find_past(const Journal& journal) {
  FoundByKey found = find_tagged(all_of(journal), tag_space_, ledger_);
  for (const auto& [key, slot] : past_slots_) {
    add_unknown(find_members(slot->group), found[key]);
  }
  return found;
}

/// Looks for processes. One that ended just now is still to be reported by the guardian, and one on its
/// way to exec has no tag yet: what cannot be seen gets a moment, once.
FoundByKey Supervisor::await_settled(Journal& journal) {
  FoundByKey found = find_past(journal);
  const Duration deadline = sys::since_boot() + settle_wait;
  int orphans = options_.orphans;
  while (unsettled(journal, found) && sys::since_boot() < deadline) {
    const Duration left = deadline - sys::since_boot();
    pollfd wait{orphans, POLLIN, 0};
    ::poll(&wait, 1, static_cast<int>(left.ms()) + 1);
    take_reports(journal);
    if (wait.revents == POLLHUP) {
      orphans = -1;  // poll() passes over it.
    }
    found = find_past(journal);
  }
  return found;
}

/// What ended is in the journal before it leaves the pipe: whoever comes if we are killed finds it in either.
void Supervisor::take_reports(Journal& journal) {
  while (true) {
    std::vector<Exited> reports;
    const std::size_t bytes = peek_reports(reports).bytes;
    const std::string noted = note_ends(reports, journal);
    if (bytes == 0 || (!noted.empty() && !append_records(journal_path_, noted))) {
      return;
    }
    drop_reports(bytes);
  }
}

/// Looks at what the guardian has said, and leaves it in the pipe.
Supervisor::Peeked Supervisor::peek_reports(std::vector<Exited>& into) {
  Peeked peeked;
  if (options_.orphans < 0) {
    return peeked;
  }
  const ssize_t got = ::tee(options_.orphans, copy_in_.get(), pipe_size, SPLICE_F_NONBLOCK);
  peeked.open = got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
  if (got <= 0) {
    return peeked;
  }
  std::string text(static_cast<std::size_t>(got), '\0');
  const ssize_t copied = ::read(copy_out_.get(), text.data(), text.size());
  text.resize(copied > 0 ? static_cast<std::size_t>(copied) : 0);
  std::string_view rest = text;
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    if (const std::optional<Exited> exited = parse_end_record(rest.substr(0, end))) {
      into.push_back(*exited);
    }
    rest.remove_prefix(end + 1);
  }
  peeked.bytes = text.size() - rest.size();
  sys::fault_point("supervisor.reports-heard");
  return peeked;
}

void Supervisor::drop_reports(std::size_t bytes) const {
  std::string dropped(bytes, '\0');
  [[maybe_unused]] const ssize_t got = ::read(options_.orphans, dropped.data(), dropped.size());
}

void Supervisor::recover_one(
    std::uint64_t key, const Past& past, std::vector<Found> found, bool same_life) {
  const bool never_ran = past.intended_only && found.empty() && !past.ended;
  if (never_ran && same_life) {
    return;  // The daemon sends it again.
  }
  Attempt& attempt = add(key);
  attempt.plain = HostKey::is_host(key);
  attempt.our_child = false;
  const auto slot = past_slots_.find(key);
  if (slot != past_slots_.end() && (!past.intended_only || slot->second->group.populated())) {
    attempt.slot = std::move(slot->second);
  }
  attempt.enforced = enforcer_.inherited(key, attempt.slot.get());
  std::optional<Found> leader = past.ended ? std::nullopt : take_leader(past, found);
  if (!leader && !past.ended) {
    leader = unreaped(past, {key, tag_space_});
  }
  if (leader) {
    recover_running(attempt, std::move(*leader));
    return;
  }
  attempt.state = Attempt::State::ended;
  attempt.exited = past.exited;
  if (!past.ended) {
    attempt.exited.key = key;
    attempt.exited.pid = past.pid;
    attempt.exited.status = ExitStatus::of_lost();
    attempt.exited.at = clock_.now();
  }
  note_memory(attempt);
  attempt.pid = attempt.exited.pid;
  attempt.started = attempt.exited.at;
  look_later(attempt);
}

void Supervisor::recover_running(Attempt& attempt, Found leader) {
  attempt.state = Attempt::State::running;
  attempt.pid = leader.pid;
  attempt.pidfd = std::move(leader.pidfd);
  attempt.started = clock_.now();
  if (const std::optional<sys::ProcessStat> stat = sys::stat_of(leader.pid)) {
    const std::int64_t ticks = static_cast<std::int64_t>(stat->start_ticks);
    const Duration age = sys::since_boot() - Duration{ticks * 1000000 / ::sysconf(_SC_CLK_TCK)};
    attempt.started = attempt.started + Duration{-age.us};
  }
  key_of_pid_[attempt.pid] = attempt.key;
  poller_.add(attempt.pidfd.get(), attempt.key);
}

Journal Supervisor::snapshot() const {
  Journal journal;
  journal.boot_id = boot_id_;
  journal.epoch = options_.epoch;
  journal.cgroups = pool_.path();
  for (const auto& [key, attempt] : attempts_) {
    if (attempt.behind != 0) {
      continue;  // it is written when it goes
    }
    Past& past = journal.past[key];
    past.intended_only = attempt.state == Attempt::State::queued;
    past.ended = attempt.state == Attempt::State::ended || attempt.state == Attempt::State::exited;
    past.pid = attempt.pid;
    past.slot = attempt.slot_number();
    past.exited = attempt.exited;
  }
  return journal;
}

void Supervisor::compact_if_worth() {
  if (journal_.wants_compaction(attempts_.size())) {
    // If it fails, the old file goes on growing.
    [[maybe_unused]] const Status compacted = journal_.open(journal_path_, snapshot());
  }
}

}  // namespace cattino::supervisor
