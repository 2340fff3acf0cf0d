// The loop of the supervisor: what comes in, and the end of a turn.
#include "supervisor/supervisor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <iterator>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "supervisor/limits.h"
#include "supervisor/tokens.h"
#include "sys/faults.h"
#include "sys/files.h"
#include "sys/sockets.h"
#include "sys/spawn.h"

namespace cattino::supervisor {
namespace {

/// The signals that the main thread reads; they must be blocked in all threads.
sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
    sigaddset(&set, signal);
  }
  return set;
}

bool lacks_room(const sys::Spawned& spawned) {
  return !spawned.ok() && spawned.failed_stage == StartStage::logs &&
         (spawned.error_number == ENOSPC || spawned.error_number == EDQUOT);
}

Started started_of(const Attempt& attempt) {
  Started started{attempt.key, attempt.pid, attempt.started};
  if (attempt.enforced) {
    started.memory_is_free = attempt.enforced->ram == Enforced::Kept::not_at_all;
    started.cpus_are_free = attempt.enforced->cpus == Enforced::Kept::not_at_all;
  }
  return started;
}

/// Before the launching threads start, so that they inherit it.
SupervisorOptions with_signals_blocked(SupervisorOptions options) {
  const sigset_t set = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return options;
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options)
    : options_{with_signals_blocked(std::move(options))},
      boot_id_{sys::boot_id()},
      journal_path_{journal_of(options_.state_directory)},
      spare_{::open("/dev/null", O_RDONLY | O_CLOEXEC)},
      tag_space_{sys::own_tag().space},
      pool_{options_.cgroups, tag_space_},
      enforcer_{options_.cgroups, tag_space_},
      launcher_{poller_} {
  const sigset_t set = handled_signals();
  signals_ = sys::Fd{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
  std::array<int, 2> copy{-1, -1};
  if (::pipe2(copy.data(), O_CLOEXEC | O_NONBLOCK) == 0) {
    copy_out_ = sys::Fd{copy[0]};
    copy_in_ = sys::Fd{copy[1]};
  }
  poller_.add(signals_.get(), token(TokenKind::signals));
  poller_.add(launcher_.fd(), token(TokenKind::results));
  poller_.add(options_.listener, token(TokenKind::listener));
  if (options_.orphans >= 0) {
    poller_.add(options_.orphans, token(TokenKind::guardian));
  }
}

void Supervisor::run() {
  while (!may_leave()) {
    const auto events = poller_.wait(timeout_ms());
    take_results();  // first: one that has ended already must be known to have begun
    for (const epoll_event& event : events) {
      take_event(event.data.u64);
    }
    if (orphans_left_) {
      take_orphans();
    }
    if (reports_left_) {
      take_guardian_reports();
    }
    run_due();
    end_turn();
  }
  journal_.flush();
  enforcer_.leave();
  pool_.leave();
}

void Supervisor::take_event(std::uint64_t event_token) {
  if (is_key(event_token)) {
    if (Attempt* attempt = find(event_token)) {
      take_pidfd(*attempt);
    }
    return;
  }
  const std::uint64_t id = id_of(event_token);
  switch (kind_of(event_token)) {
    case TokenKind::signals:
      take_signals();
      break;
    case TokenKind::results:
      break;  // taken already
    case TokenKind::listener:
      accept_connections();
      break;
    case TokenKind::guardian:
      take_guardian_reports();
      break;
    case TokenKind::connection:
      serve(id);
      break;
    case TokenKind::watch:
      take_watch(id);
      break;
    case TokenKind::copier:
      take_copier(id);
      break;
  }
}

/// What does not fit into one read is reported again.
void Supervisor::take_signals() {
  std::array<signalfd_siginfo, 4> news{};
  const ssize_t got = ::read(signals_.get(), news.data(), sizeof news);
  const std::size_t count = got < 0 ? 0 : static_cast<std::size_t>(got) / sizeof news.front();
  for (std::size_t at = 0; at < count; ++at) {
    const std::uint32_t signal = news.at(at).ssi_signo;
    if (signal == SIGCHLD) {
      take_orphans();
    } else if (signal == SIGUSR1 || (signal != SIGHUP && active_ == 0)) {
      leaving_ = true;  // SIGTERM and SIGINT are heard only while nothing runs.
    }
  }
}

void Supervisor::accept_connections() {
  while (true) {
    int error = 0;
    sys::Fd fd = sys::accept_unix(options_.listener, error);
    if (!fd && (error == EMFILE || error == ENFILE)) {
      spare_.reset();
      sys::accept_unix(options_.listener, error);  // Takes it and closes it.
      spare_ = sys::Fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
      continue;
    }
    if (!fd) {
      return;
    }
    if (!sys::peer_is_same_user(fd.get())) {
      continue;
    }
    const std::uint64_t id = ++last_connection_;
    poller_.add(fd.get(), token(TokenKind::connection, id));
    connections_.emplace(id, Connection{std::move(fd)});
  }
}

void Supervisor::serve(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) {
    return;
  }
  const bool open = found->second.receive();
  ToSupervisor message;
  // A message may drop this very connection: look it up each time.
  for (auto at = connections_.find(id); at != connections_.end(); at = connections_.find(id)) {
    const FrameReader::Got got = at->second.next(message);
    if (got == FrameReader::Got::broken) {
      drop(id);
      return;
    }
    if (got == FrameReader::Got::nothing) {
      break;
    }
    take_message(id, message);
  }
  if (!open) {
    drop(id);
  }
}

void Supervisor::take_message(std::uint64_t id, ToSupervisor& message) {
  std::visit([&](auto& alternative) { on(id, alternative); }, message);
}

void Supervisor::drop(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) {
    return;
  }
  poller_.remove(found->second.fd());
  connections_.erase(found);
  if (daemon_ == id) {
    daemon_ = 0;
    news_due_ = {};
  }
}

void Supervisor::take_results() {
  if (launcher_.under_way() == 0) {
    starts_due_ = {};  // the last one was cancelled
    return;
  }
  launcher_.take(results_);
  if (launcher_.under_way() == 0) {
    starts_due_ = {};
  } else if (starts_due_.us != 0 && starts_due_ <= sys::since_boot()) {
    hear_of_starts(true);
  }
  for (LaunchResult& result : results_) {
    if (result.copier) {
      note_copier(result.key, std::move(result.copier));
    }
    Attempt* attempt = find(result.key);
    if (attempt == nullptr) {
      continue;
    }
    sys::fault_point("supervisor.start-heard");
    const std::shared_ptr<LaunchJob> job = std::exchange(attempt->job, nullptr);
    if (job && attempt->stop_signal == 0 && lacks_room(result.spawned)) {
      launch_again(*attempt, *job);
      continue;
    }
    if (!result.spawned.ok()) {
      end_without_process(
          *attempt, ExitStatus::of_stage(result.spawned.failed_stage, result.spawned.error_number));
      continue;
    }
    attempt->state = Attempt::State::running;
    attempt->pid = result.spawned.pid;
    attempt->pidfd = std::move(result.spawned.pidfd);
    attempt->launched = result.at;
    attempt->started = clock_.now() - (sys::since_boot() - result.at);
    key_of_pid_[attempt->pid] = attempt->key;
    note_place(*attempt, result.spawned);
    journal_.spawned(attempt->key, attempt->pid, attempt->slot_number());
    tell_state(*attempt);
    if (attempt->stop_signal != 0) {
      begin_stop(*attempt);
    }
  }
}

/// Its logs cannot be made: it stays queued, and is tried again. To fail it would fail all that waits.
void Supervisor::launch_again(Attempt& attempt, LaunchJob& job) {
  attempt.job = std::make_shared<LaunchJob>();
  attempt.job->spawn = std::move(job.spawn);
  attempt.job->environment = std::move(job.environment);
  attempt.job->intended = true;
  attempt.job->cgroup = job.cgroup;
  attempt.job->doors = job.doors;
  without_room_.push_back(attempt.job);
  room_due_ = room_due_.us != 0 ? room_due_ : sys::since_boot() + room_again_after;
}

/// A launch wakes us when it is through; else a start is told with what happens next, or when it is due.
void Supervisor::hear_of_starts(bool at_once) {
  if (hears_of_starts_ != at_once) {
    hears_of_starts_ = at_once;
    launcher_.listen(at_once);
  }
  starts_due_ = at_once ? Duration{} : sys::since_boot() + start_told_after;
}

void Supervisor::tell(const FromSupervisor& message, bool patient) {
  const auto daemon = connections_.find(daemon_);
  if (daemon == connections_.end()) {
    return;
  }
  if (!patient) {
    news_due_ = {};
  } else if (!daemon->second.unsent()) {
    news_due_ = sys::since_boot() + news_wait;
  }
  daemon->second.send(message);
}

bool Supervisor::must_wait(std::uint64_t connection) const {
  return connection == daemon_ && news_due_.us != 0 && sys::since_boot() < news_due_;
}

void Supervisor::tell_state(const Attempt& attempt) {
  switch (attempt.state) {
    case Attempt::State::queued:
      tell(Queued{attempt.key}, true);
      break;
    case Attempt::State::running:
      if (!attempt.our_child && attempt.launched.us != 0 && !attempt.noted) {
        unnoted_.push_back(attempt.key);
        break;
      }
      [[fallthrough]];
    case Attempt::State::ended:
      tell(started_of(attempt), true);
      break;
    case Attempt::State::exited:
      tell(attempt.exited);
      break;
  }
}

void Supervisor::end_turn() {
  if (!to_launch_.empty() || !unchecked_.empty()) {
    const Duration now = sys::since_boot();
    if (!unchecked_.empty() || !ledger_.is_fresh(now)) {
      ledger_.sample(launcher_, now);
    }
  }
  signal_shells();
  check_trees();
  for (const std::shared_ptr<LaunchJob>& job : to_launch_) {
    if (!std::exchange(job->intended, true)) {
      give_slot(*job);
      const Attempt* const attempt = find(job->spawn.key);
      journal_.intend(job->spawn.key, attempt != nullptr ? attempt->slot_number() : 0);
    }
  }
  sys::fault_point("supervisor.before-journal");
  journal_.flush();
  journal_due_ = journal_.flushed() ? Duration{} : sys::since_boot() + journal_again_after;
  sys::fault_point("supervisor.journaled");
  tell_of_noted();
  launch_all();
  sys::fault_point("supervisor.launching");
  reap_all();
  sys::fault_point("supervisor.reaped");
  flush_connections();
  sys::fault_point("supervisor.told");
  compact_if_worth();
}

/// Adopted ones had no intent before: if we die, nobody knows of them until they are written.
void Supervisor::tell_of_noted() {
  if (!journal_.flushed()) {
    return;
  }
  for (const std::uint64_t key : std::exchange(unnoted_, {})) {
    if (Attempt* const attempt = find(key)) {
      attempt->noted = true;
      tell_state(*attempt);
    }
  }
}

void Supervisor::reap_all() {
  if (!journal_.flushed()) {
    return;  // a status that is not written would go with us; that of a zombie the guardian hears
  }
  for (const sys::Fd& pidfd : to_reap_) {
    sys::reap(pidfd.get());
  }
  to_reap_.clear();
}

void Supervisor::launch_all() {
  if (room_due_.us != 0 && room_due_ <= sys::since_boot()) {
    std::move(without_room_.begin(), without_room_.end(), std::back_inserter(to_launch_));
    without_room_.clear();
    room_due_ = {};
  }
  if (to_launch_.empty()) {
    return;
  }
  if (!journal_.flushed()) {
    return;  // a start that is not written could be started again by the next supervisor
  }
  for (std::shared_ptr<LaunchJob>& job : to_launch_) {
    if (Attempt* const attempt = find(job->spawn.key)) {
      attempt->strangers_then = ledger_.strangers_at_least();
      job->ahead = directory_of_next(*attempt);
    }
    launcher_.push(std::move(job));
  }
  to_launch_.clear();
  hear_of_starts(false);
}

void Supervisor::flush_connections() {
  std::vector<std::uint64_t> gone;
  for (auto& [id, connection] : connections_) {
    const bool early =
        id != daemon_ && !journal_.flushed();  // a child would run, and nobody know it
    if (!connection.unsent() || must_wait(id) || early) {
      continue;
    }
    if (id == daemon_) {
      news_due_ = {};
    }
    if (!connection.flush()) {
      gone.push_back(id);
      continue;
    }
    const bool full = connection.unsent();
    if (full != connection.waits_for_room) {
      connection.waits_for_room = full;
      const std::uint32_t room = full ? std::uint32_t{EPOLLOUT} : 0U;
      poller_.change(connection.fd(), token(TokenKind::connection, id), EPOLLIN | room);
    }
  }
  for (const std::uint64_t id : gone) {
    drop(id);
  }
}

int Supervisor::timeout_ms() const {
  std::int64_t due_us = wake_at_.us;
  const auto consider = [&due_us](Duration due) {
    due_us = due.us != 0 && (due_us == 0 || due.us < due_us) ? due.us : due_us;
  };
  consider(starts_due_);
  consider(news_due_);
  consider(journal_due_);
  consider(orphans_left_ || reports_left_ ? sys::since_boot() + journal_again_after : Duration{});
  consider(room_due_);
  consider(due_.empty() ? Duration{} : due_.begin()->first);
  if (due_us == 0) {
    return -1;
  }
  const std::int64_t left_us = due_us - sys::since_boot().us;
  return left_us <= 0 ? 0 : static_cast<int>(std::min<std::int64_t>(left_us / 1000 + 1, 60000));
}

bool Supervisor::may_leave() const {
  if (!leaving_ || active_ != 0 || !journal_.flushed()) {
    return false;  // what could not be written yet, nobody else knows
  }
  const auto daemon = connections_.find(daemon_);
  return daemon == connections_.end() || !daemon->second.unsent();
}

Attempt* Supervisor::find(std::uint64_t key) {
  const auto found = attempts_.find(key);
  return found == attempts_.end() ? nullptr : &found->second;
}

Attempt& Supervisor::add(std::uint64_t key) {
  Attempt& attempt = attempts_[key];
  attempt.key = key;
  ++active_;
  return attempt;
}

int supervise(SupervisorOptions options) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "meow-supervisor");
  sys::close_all_on_exec();
  const Result<sys::Fd> lock = sys::lock_file(supervisor_lock(options.state_directory));
  if (!lock) {
    sys::complain(fmt::format("meow-supervisor: {}\n", lock.error().message));
    return exit_locked;
  }
  // The guardian that finds it locked reads who has it.
  if (const Status named = sys::name_holder(*lock); !named) {
    sys::complain(fmt::format("meow-supervisor: {}\n", named.error().message));
  }
  Supervisor supervisor{std::move(options)};
  if (const Status recovered = supervisor.recover(); !recovered) {
    sys::complain(fmt::format("meow-supervisor: {}\n", recovered.error().message));
    return 1;
  }
  supervisor.run();
  return 0;
}

}  // namespace cattino::supervisor
