// From the end of a process to the end of its tree; and stopping.
#include <algorithm>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>

#include "base/text.h"
#include "supervisor/limits.h"
#include "supervisor/supervisor.h"
#include "supervisor/tokens.h"
#include "sys/faults.h"
#include "sys/files.h"

namespace cattino::supervisor {
namespace {

using ChildrenByPid = std::unordered_map<pid_t, std::vector<pid_t>>;

/// What a shell that only runs a command for us has started; nothing if `pid` is no such shell. Fills
/// `children` when it is needed for the first time.
std::vector<Found> commands_of(pid_t pid, ChildrenByPid& children) {
  std::vector<Found> commands;
  if (!is_shell_wrapper(pid)) {
    return commands;
  }
  if (children.empty()) {
    children = children_of_all();
  }
  const std::vector<pid_t>& started = children[pid];
  commands.reserve(started.size());
  for (const pid_t child : started) {
    commands.push_back({child, sys::open_pidfd(child)});
  }
  return commands;
}

/// An attempt whose tree is to be looked for: near its own number while it is young.
Wanted wanted_of(const Attempt& attempt, Duration now) {
  const bool recent = attempt.launched.us != 0 && now - attempt.launched < counted_life_max;
  return {attempt.key, recent ? std::optional{attempt.pid} : std::nullopt};
}

void signal_all(const std::vector<Found>& found, int signal) {
  for (const Found& process : found) {
    sys::signal_process(process.pidfd.get(), signal);
  }
}

/// A process that was stopped would not hear it. False if it has been reaped.
bool ask(int pidfd, int signal) {
  const bool asked = sys::signal_process(pidfd, signal);
  return asked && sys::signal_process(pidfd, SIGCONT);
}

/// True if one of `found` was not among `stopped`, where they all are afterwards.
bool note_stopped(const std::vector<Found>& found, std::set<pid_t>& stopped) {
  bool grew = false;
  for (const Found& process : found) {
    grew = stopped.insert(process.pid).second || grew;
  }
  return grew;
}

}  // namespace

// ---- a process has ended ----------------------------------------------------------------------------

void Supervisor::take_pidfd(Attempt& attempt) {
  if (attempt.state != Attempt::State::running || attempt.awaits_status) {
    return;
  }
  if (const std::optional<sys::ProcessExit> ended = sys::peek_exit(attempt.pidfd.get())) {
    end_leader(attempt, *ended);
    return;
  }
  // Not our child: its parent, or the guardian, is about to tell how it ended.
  poller_.remove(attempt.pidfd.get());
  attempt.awaits_status = true;
  set_due(attempt, sys::since_boot() + status_wait);
}

void Supervisor::take_orphans() {
  orphans_left_ = false;
  while (const std::optional<sys::ProcessExit> ended = sys::peek_any_exit(false)) {
    const auto known = key_of_pid_.find(ended->pid);
    if (known != key_of_pid_.end()) {
      end_leader(attempts_.at(known->second), *ended);
    }
    journal_.flush();
    if (!journal_.flushed()) {
      orphans_left_ = true;  // as in reap_all
      return;
    }
    sys::reap_pid(ended->pid);
  }
}

void Supervisor::take_guardian_reports() {
  std::vector<Exited> reports;
  const Peeked peeked = peek_reports(reports);
  for (const Exited& report : reports) {
    Attempt* attempt = find(report.key);
    if (attempt != nullptr && attempt->pid == report.pid) {
      end_leader(
          *attempt,
          {report.pid, report.status, report.user_us, report.system_us, report.max_rss_kib});
    }
  }
  journal_.flush();
  const bool left = !journal_.flushed();
  const bool were_left = std::exchange(reports_left_, left);
  if (left) {
    if (!were_left) {
      poller_.remove(options_.orphans);
    }
    return;  // they stay in the pipe, for the next supervisor if we are killed
  }
  if (were_left) {
    poller_.add(options_.orphans, token(TokenKind::guardian));
  }
  drop_reports(peeked.bytes);
  if (!peeked.open) {
    // The guardian is gone, and with it the daemon: what runs is seen to its end, then we go, too.
    poller_.remove(options_.orphans);
    leaving_ = true;
  }
}

void Supervisor::end_leader(Attempt& attempt, const sys::ProcessExit& ended) {
  if (attempt.state != Attempt::State::running) {
    return;
  }
  sys::fault_point("supervisor.end-seen");
  poller_.remove(attempt.pidfd.get());
  key_of_pid_.erase(attempt.pid);
  attempt.state = Attempt::State::ended;
  attempt.awaits_status = false;
  attempt.exited = Exited{
      attempt.key,
      ended.status,
      attempt.pid,
      clock_.now(),
      ended.user_us,
      ended.system_us,
      ended.max_rss_kib};
  note_memory(attempt);
  journal_.ended(attempt.exited);
  to_reap_.push_back(std::move(attempt.pidfd));
  if (attempt.phase == Attempt::Phase::none || attempt.phase == Attempt::Phase::asked) {
    set_due(attempt, {});
  }
  look_later(attempt);
}

/// It has ended: was that for want of memory?
void Supervisor::note_memory(Attempt& attempt) {
  attempt.exited.out_of_memory =
      attempt.exited.out_of_memory || (attempt.enforced && !attempt.exited.status.ok() &&
                                       Enforcer::out_of_memory(*attempt.enforced));
}

void Supervisor::settle_unknown_end(Attempt& attempt) {
  sys::ProcessExit ended;
  ended.pid = attempt.pid;
  ended.status = ExitStatus::of_lost();
  const int pidfd = attempt.pidfd.get();
  const std::optional<sys::ProcessStat> stat = sys::stat_of(attempt.pid);
  if (const std::optional<sys::ProcessExit> ours = sys::peek_exit(pidfd)) {
    ended = *ours;
  } else if (stat && stat->ended()) {
    ended.status = sys::status_of_wait(stat->exit_code);
  } else if (const std::optional<ExitStatus> seen = sys::exit_seen_from_outside(pidfd)) {
    ended.status = *seen;
  }
  end_leader(attempt, ended);
}

void Supervisor::end_without_process(Attempt& attempt, ExitStatus status) {
  attempt.state = Attempt::State::exited;
  --active_;
  take_slot_back(attempt, true);
  attempt.exited = Exited{};
  attempt.exited.key = attempt.key;
  attempt.exited.status = status;
  attempt.exited.at = clock_.now();
  journal_.ended(attempt.exited);
  tell(attempt.exited);
  let_next_go(attempt);
}

void Supervisor::finish(Attempt& attempt) {
  if (awaits_output(attempt)) {
    return;
  }
  unwatch_all(attempt);
  take_slot_back(attempt, attempt.phase == Attempt::Phase::none);
  set_due(attempt, {});
  attempt.state = Attempt::State::exited;
  --active_;
  tell(attempt.exited, has_long_line(attempt));
  let_next_go(attempt);
}

// ---- stopping ---------------------------------------------------------------------------------------

void Supervisor::begin_stop(Attempt& attempt) {
  const Duration now = sys::since_boot();
  attempt.phase = Attempt::Phase::asked;
  if (attempt.awaits_status) {
    return;
  }
  if (attempt.stop_signal == SIGKILL) {
    attempt.due_passed = true;
    look_later(attempt);
    return;
  }
  set_due(attempt, now + attempt.stop_grace);
  shells_.push_back(attempt.key);
}

/// The signal goes to the task's own process. A shell that only runs a command for us would die of it and
/// leave the command behind: the command gets it first, the shell when that has ended.
void Supervisor::signal_shells() {
  if (shells_.empty()) {
    return;
  }
  ChildrenByPid children;
  for (const std::uint64_t key : std::exchange(shells_, {})) {
    Attempt* attempt = find(key);
    if (attempt == nullptr || attempt->state != Attempt::State::running) {
      continue;
    }
    std::vector<Found> commands = commands_of(attempt->pid, children);
    std::erase_if(commands, [&](const Found& command) {
      return !command.pidfd || !ask(command.pidfd.get(), attempt->stop_signal);
    });
    if (commands.empty()) {
      ask(attempt->pidfd.get(), attempt->stop_signal);
    }
    watch(*attempt, commands, true);
  }
}

// ---- deadlines --------------------------------------------------------------------------------------

void Supervisor::set_due(Attempt& attempt, Duration due) {
  if (attempt.due.us != 0) {
    due_.erase({attempt.due, attempt.key});
  }
  attempt.due = due;
  if (due.us != 0) {
    due_.insert({due, attempt.key});
  }
}

void Supervisor::run_due() {
  if (due_.empty()) {
    return;
  }
  const Duration now = sys::since_boot();
  while (!due_.empty() && due_.begin()->first <= now) {
    Attempt& attempt = attempts_.at(due_.begin()->second);
    set_due(attempt, {});
    if (attempt.awaits_status) {
      settle_unknown_end(attempt);
    } else {
      attempt.due_passed = true;
      look_later(attempt);
    }
  }
}

// ---- is the tree gone? ------------------------------------------------------------------------------

void Supervisor::look_later(Attempt& attempt) {
  if (!attempt.unchecked) {
    attempt.unchecked = true;
    unchecked_.push_back(attempt.key);
  }
}

Supervisor::Alone Supervisor::alone(Attempt& attempt, Duration now) const {
  if (attempt.state != Attempt::State::ended) {
    return Alone::unknown;
  }
  if (attempt.plain) {
    return Alone::surely;
  }
  if (!attempt.strangers_then) {
    return Alone::unknown;
  }
  switch (ledger_.since(*attempt.strangers_then)) {
    case PidLedger::Verdict::none:
      return Alone::surely;
    case PidLedger::Verdict::some:
      return Alone::unknown;
    case PidLedger::Verdict::pending:
      break;
  }
  if (attempt.slot) {
    return Alone::unknown;  // a look costs less than the wait
  }
  if (attempt.undecided_since.us == 0) {
    attempt.undecided_since = now;
  }
  return now - attempt.undecided_since > launch_wait ? Alone::unknown : Alone::undecided;
}

void Supervisor::check_tree(Attempt& attempt, Duration now, Checks& checks) {
  switch (alone(attempt, now)) {
    case Alone::surely:
      finish(attempt);
      break;
    case Alone::undecided:
      checks.undecided.push_back(attempt.key);
      break;
    case Alone::unknown:
      if (attempt.slot) {
        look_into(attempt, checks.to_kill);
        break;
      }
      checks.wanted.push_back(wanted_of(attempt, now));
      checks.at_once = checks.at_once || attempt.due_passed || attempt.stop_signal != 0;
      break;
  }
}

void Supervisor::check_trees() {
  wake_at_ = {};
  if (unchecked_.empty()) {
    return;
  }
  const Duration now = sys::since_boot();
  Checks checks;
  for (const std::uint64_t key : std::exchange(unchecked_, {})) {
    Attempt* attempt = find(key);
    if (attempt != nullptr && attempt->state != Attempt::State::exited) {
      check_tree(*attempt, now, checks);
    }
  }
  kill_all(std::move(checks.to_kill));
  unchecked_ = std::move(checks.undecided);
  if (!unchecked_.empty()) {
    hear_of_starts(true);  // a launch under way decides
    wake_at_ = now + launch_wait;
  }
  if (checks.wanted.empty()) {
    return;
  }
  if (checks.at_once || next_scan_ <= now) {
    scan(checks.wanted);
    return;
  }
  wake_at_ = next_scan_;
  for (const Wanted& one : checks.wanted) {
    unchecked_.push_back(one.key);
  }
}

void Supervisor::scan(const std::vector<Wanted>& wanted) {
  const Duration before = sys::since_boot();
  FoundByKey found = find_tagged(wanted, tag_space_, ledger_);
  FoundByKey to_kill;
  for (const Wanted& one : wanted) {
    Attempt& attempt = attempts_.at(one.key);
    attempt.unchecked = false;
    std::vector<Found>& processes = found[one.key];
    settle(attempt, processes, processes.empty(), to_kill);
  }
  kill_all(std::move(to_kill));
  const Duration now = sys::since_boot();
  const Duration cost = now - before;
  next_scan_ = cost < scan_cost_free ? now : now + std::min(cost * scan_share, scan_wait_max);
}

/// What to do about the living processes `found` of an attempt: all of them, or those that stood still long
/// enough to be found. None is left if `gone`.
void Supervisor::settle(
    Attempt& attempt, std::vector<Found>& found, bool gone, FoundByKey& to_kill) {
  const bool due = std::exchange(attempt.due_passed, false);
  if (gone && attempt.state == Attempt::State::ended) {
    finish(attempt);
    return;
  }
  switch (attempt.phase) {
    case Attempt::Phase::none:
      attempt.phase = Attempt::Phase::lingering;
      set_due(attempt, sys::since_boot() + left_over_grace);
      watch(attempt, found, false);
      break;
    case Attempt::Phase::asked:
      if (due || attempt.state == Attempt::State::ended) {
        terminate(attempt, found, to_kill);
      }
      break;
    case Attempt::Phase::lingering:
      if (due) {
        say_left_over(attempt, found.size());
        terminate(attempt, found, to_kill);
      } else {
        watch(attempt, found, false);
      }
      break;
    case Attempt::Phase::terminating:
      if (due) {
        to_kill[attempt.key] = std::move(found);
      } else {
        watch(attempt, found, false);
      }
      break;
    case Attempt::Phase::killing:
      to_kill[attempt.key] = std::move(found);
      break;
  }
}

void Supervisor::terminate(Attempt& attempt, std::vector<Found>& found, FoundByKey& to_kill) {
  if (attempt.stop_signal == SIGKILL) {
    to_kill[attempt.key] = std::move(found);
    return;
  }
  for (const Found& process : found) {
    ask(process.pidfd.get(), SIGTERM);
  }
  attempt.phase = Attempt::Phase::terminating;
  set_due(attempt, sys::since_boot() + kill_after_term);
  watch(attempt, found, false);
}

/// Stops everything, so that nothing can fork, until nothing new is found.
void Supervisor::stop_all(FoundByKey& to_kill, const std::vector<std::uint64_t>& keys) {
  std::set<pid_t> stopped;
  bool grew = !keys.empty();
  for (int round = 0; grew && round < kill_rounds_max; ++round) {
    FoundByKey again = find_again(keys);
    grew = false;
    for (auto& [key, found] : again) {
      signal_all(found, SIGSTOP);
      grew = note_stopped(found, stopped) || grew;
      to_kill[key] = std::move(found);
    }
  }
}

void Supervisor::kill_all(FoundByKey to_kill) {
  if (to_kill.empty()) {
    return;
  }
  stop_all(to_kill, kill_in_one_step(to_kill));
  sys::fault_point("supervisor.frozen");
  for (auto& [key, found] : to_kill) {
    Attempt& attempt = attempts_.at(key);
    signal_all(found, SIGKILL);
    if (attempt.slot) {
      attempt.slot->group.freeze(false);
    }
    if (attempt.state == Attempt::State::running) {
      sys::signal_process(attempt.pidfd.get(), SIGKILL);  // It may have given up its tag.
    }
    attempt.phase = Attempt::Phase::killing;
    attempt.kill_wait = std::clamp(attempt.kill_wait * 2, kill_again_after, kill_again_max);
    set_due(attempt, sys::since_boot() + attempt.kill_wait);
    watch(attempt, found, false);
  }
}

// ---- processes of a tree that are watched -----------------------------------------------------------

void Supervisor::watch(Attempt& attempt, std::vector<Found>& found, bool in_front) {
  if (attempt.slot && !in_front) {
    watch_slot(attempt);
    return;
  }
  for (Found& process : found) {
    const bool leader = attempt.state == Attempt::State::running && process.pid == attempt.pid;
    if (leader || attempt.watched.contains(process.pid)) {
      continue;
    }
    const std::uint64_t id = ++last_watch_;
    if (!poller_.add(process.pidfd.get(), token(TokenKind::watch, id))) {
      continue;
    }
    attempt.watched[process.pid] = id;
    attempt.in_front += in_front ? 1U : 0U;
    watches_[id] = {attempt.key, process.pid, std::move(process.pidfd), in_front};
  }
}

void Supervisor::take_watch(std::uint64_t id) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) {
    return;
  }
  const Watched ended = std::move(found->second);
  watches_.erase(found);
  unwatch(ended);
  Attempt& attempt = attempts_.at(ended.key);
  attempt.watched.erase(ended.pid);
  if (!ended.in_front) {
    if (!ended.pidfd || attempt.watched.empty()) {
      look_later(attempt);
    }
    return;
  }
  --attempt.in_front;
  const bool shell_is_left = attempt.in_front == 0 && attempt.state == Attempt::State::running;
  if (shell_is_left && attempt.phase == Attempt::Phase::asked) {
    ask(attempt.pidfd.get(), attempt.stop_signal);
  } else if (attempt.watched.empty() && attempt.state == Attempt::State::ended) {
    look_later(attempt);
  }
}

void Supervisor::unwatch_all(Attempt& attempt) {
  for (const auto& [pid, id] : attempt.watched) {
    const auto found = watches_.find(id);
    if (found != watches_.end()) {
      unwatch(found->second);
      watches_.erase(found);
    }
  }
  attempt.watched.clear();
}

void Supervisor::say_left_over(const Attempt& attempt, std::size_t count) {
  if (attempt.stderr_path.empty() || count == 0) {
    return;
  }
  if (!notes_) {
    notes_ = std::make_unique<sys::Worker>("notes");
  }
  const std::string line = fmt::format(
      "cattino: the task has ended; {} it left running {} now ended, too\n",
      count_of(static_cast<std::int64_t>(count), "process", "processes"),
      count == 1 ? "is" : "are");
  notes_->post([path = attempt.stderr_path, line] {
    const sys::Fd log{::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY)};
    if (log) {
      sys::write_all(log.get(), line);
    }
  });
}

}  // namespace cattino::supervisor
