// The guardian's life.
#include "supervisor/guardian.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "supervisor/cgroups.h"
#include "supervisor/journal.h"
#include "supervisor/limits.h"
#include "supervisor/supervisor.h"
#include "supervisor/tokens.h"
#include "sys/faults.h"
#include "sys/files.h"
#include "sys/sockets.h"

namespace cattino::supervisor {
namespace {

constexpr int exit_leave_all = 0;
constexpr int exit_keep_tasks = 10;
constexpr int supervisor_retry_ms = 1000;

enum class Event : std::uint64_t { signals, client, supervisor_client, room, foreign_supervisor };

std::uint64_t as_token(Event event) {
  return static_cast<std::uint64_t>(event);
}

/// The numbers that tell our supervisor's tags from those of other supervisors of this machine: made of
/// the state directory, above all keys, and below what we are allowed (inside a task of another cattino).
std::uint64_t tag_space_for(const std::string& state_directory) {
  constexpr std::uint64_t prime = 1099511628211U;
  std::uint64_t hash = 14695981039346656037U;
  for (const char byte : state_directory) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * prime;
  }
  constexpr std::uint64_t low_bits = not_a_key - 1;
  const std::uint64_t ceiling = sys::own_tag().space;
  const std::uint64_t room = ceiling > not_a_key ? (ceiling & low_bits) + 1 : 1;
  return not_a_key | (hash & low_bits) % room;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) {
    pointers.push_back(const_cast<char*>(word.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

void complain(const std::string& text) {
  sys::complain(fmt::format("meow-supervisor (guardian): {}\n", text));
}

}  // namespace

Guardian::Guardian(GuardianOptions options) : options_{std::move(options)} {
  if (options_.socket.empty()) {
    options_.socket = options_.state_directory + "/meow.sock";
  }
}

Status Guardian::prepare() {
  Result<sys::Fd> lock = sys::lock_file(options_.state_directory + "/lock");
  if (!lock) {
    return lock.error();
  }
  lock_ = std::move(*lock);
  epoch_ = static_cast<std::uint64_t>(clock_.now().us);
  // Our own tag is no key: soft and hard limit are the same, and above all keys.
  const std::uint64_t space = tag_space_for(options_.state_directory);
  if (!sys::set_own_tag({space, space})) {
    return system_error("set", "the limit that marks processes", errno);
  }
  leave_cgroup_of_task();
  Result<sys::Fd> listener = sys::listen_unix(options_.socket, backlog_max);
  if (!listener) {
    return listener.error();
  }
  listener_ = std::move(*listener);
  int ends[2] = {-1, -1};
  if (::pipe2(static_cast<int*>(ends), O_CLOEXEC | O_NONBLOCK) != 0) {
    return system_error("make", "a pipe", errno);
  }
  orphans_read_ = sys::Fd{ends[0]};
  orphans_write_ = sys::Fd{ends[1]};
  return find_living_supervisor();
}

/// A supervisor whose guardian was killed goes on, and so does its socket: it is taken over as it is.
Status Guardian::find_living_supervisor() {
  const std::string path = supervisor_lock(options_.state_directory);
  const Result<sys::Fd> lock = sys::lock_file(path);
  if (lock) {
    return listen_for_supervisor();
  }
  if (lock.error().code != ErrorCode::conflict) {
    return lock.error();
  }
  const pid_t pid = sys::holder_of(path);
  sys::Fd pidfd = pid > 0 ? sys::open_pidfd(pid) : sys::Fd{};
  if (!pidfd) {
    return lock.error();
  }
  supervisor_.pid = pid;
  supervisor_.pidfd = std::move(pidfd);
  supervisor_is_foreign_ = true;
  supervisor_runs_ = true;
  return ok();
}

Status Guardian::listen_for_supervisor() {
  const std::string path = options_.supervisor_socket.empty()
                               ? options_.state_directory + "/supervisor.sock"
                               : options_.supervisor_socket;
  Result<sys::Fd> listener = sys::listen_unix(path, backlog_max);
  if (!listener) {
    return listener.error();
  }
  supervisor_listener_ = std::move(*listener);
  return ok();
}

void Guardian::run() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&set, signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = sys::Fd{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
  poller_.add(signals_.get(), as_token(Event::signals));
  if (supervisor_is_foreign_) {
    poller_.add(supervisor_.pidfd.get(), as_token(Event::foreign_supervisor));
  } else {
    start_supervisor();
  }
  if (options_.ready_fd >= 0) {
    sys::write_all(options_.ready_fd, "+");
    ::close(options_.ready_fd);
  }
  start_daemon();
  while (!all_gone()) {
    const std::span<const epoll_event> events = poller_.wait(retry_ms_);
    if (events.empty() && std::exchange(retry_ms_, -1) >= 0) {
      start_supervisor();
    }
    for (const epoll_event& event : events) {
      take_event(event.data.u64);
    }
  }
}

void Guardian::take_event(std::uint64_t event_token) {
  switch (static_cast<Event>(event_token)) {
    case Event::signals:
      take_signals();
      break;
    case Event::client:
      leaving_ = false;
      daemon_deaths_.clear();
      start_daemon();
      break;
    case Event::supervisor_client:
      start_supervisor();
      break;
    case Event::room:
      poller_.remove(orphans_write_.get());
      awaits_room_ = false;
      take_children();
      break;
    case Event::foreign_supervisor:
      foreign_supervisor_ended();
      break;
  }
}

void Guardian::take_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) {
      take_children();
    } else if (info.ssi_signo != SIGHUP) {
      begin_leaving();
    }
  }
}

/// The daemon leaves first; the supervisor follows when that has ended.
void Guardian::begin_leaving() {
  leaving_ = true;
  if (daemon_runs_) {
    sys::signal_process(daemon_.pidfd.get(), SIGTERM);
  } else {
    leave_together();
  }
}

/// Zombies of a dead supervisor first, its successor afterwards: so that it finds their statuses.
void Guardian::take_children() {
  std::optional<ExitStatus> daemon_status;
  std::optional<ExitStatus> supervisor_status;
  while (const std::optional<sys::ProcessExit> ended = sys::peek_any_exit(true)) {
    sys::fault_point("guardian.end-seen");
    if (daemon_runs_ && ended->pid == daemon_.pid) {
      daemon_status = ended->status;
    } else if (supervisor_runs_ && ended->pid == supervisor_.pid) {
      supervisor_status = ended->status;
    } else if (!report(*ended)) {
      break;
    }
    sys::fault_point("guardian.reported");
    sys::reap_pid(ended->pid);
    sys::fault_point("guardian.reaped");
  }
  if (supervisor_status) {
    supervisor_ended(*supervisor_status);
  }
  if (daemon_status) {
    daemon_ended(*daemon_status);
  }
}

/// Tells the supervisor of an orphan's end. False if the pipe is full: the zombie stays until there is room.
bool Guardian::report(const sys::ProcessExit& ended) {
  const std::optional<sys::Tag> tag = sys::tag_of(ended.pid);
  if (!tag || tag->space != sys::own_tag().space || !is_key(tag->key)) {
    return true;
  }
  const std::string line = end_record(
      {tag->key,
       ended.status,
       ended.pid,
       clock_.now(),
       ended.user_us,
       ended.system_us,
       ended.max_rss_kib});
  if (::write(orphans_write_.get(), line.data(), line.size()) >= 0 || errno != EAGAIN) {
    return true;
  }
  if (!std::exchange(awaits_room_, true)) {
    poller_.add(orphans_write_.get(), as_token(Event::room), EPOLLOUT);
  }
  return false;
}

// ---- the supervisor ---------------------------------------------------------------------------------

void Guardian::start_supervisor() {
  await_supervisor_client(false);
  if (supervisor_runs_) {
    return;
  }
  if (!supervisor_listener_) {
    if (const Status listening = listen_for_supervisor(); !listening) {
      complain(listening.error().message);
      retry_ms_ = supervisor_retry_ms;
      return;
    }
  }
  const std::vector<std::string> words{
      "meow-supervisor",
      "--supervise",
      "--state",
      options_.state_directory,
      "--epoch",
      std::to_string(epoch_)};
  const std::vector<char*> argv = pointers_to(words);
  const sys::PassedFd passed[] = {{supervisor_listener_.get(), 3}, {orphans_read_.get(), 4}};
  sys::SpawnRequest request;
  // Beside the daemon may lie a newer one than we are.
  const std::string newest = sys::directory_of(options_.daemon_path) + "/meow-supervisor";
  const bool there = ::access(newest.c_str(), X_OK) == 0;
  request.executable = there ? newest.c_str() : "/proc/self/exe";
  request.argv = argv.data();
  request.environment = environ;
  request.passed = passed;
  request.blocked_signals = 1U << (SIGUSR1 - 1U);  // It may be told to leave before it listens.
  sys::fault_point("guardian.before-supervisor");
  supervisor_ = spawner_.spawn(request);
  sys::fault_point("guardian.supervisor-started");
  supervisor_runs_ = supervisor_.ok();
  if (supervisor_runs_ && leaving_ && !daemon_runs_) {
    sys::signal_process(supervisor_.pidfd.get(), SIGUSR1);
  }
  if (!supervisor_runs_) {
    complain(fmt::format(
        "cannot start the supervisor: {}",
        describe(ExitStatus::of_stage(supervisor_.failed_stage, supervisor_.error_number))));
    retry_ms_ = supervisor_retry_ms;
  }
}

void Guardian::supervisor_ended(const ExitStatus& status) {
  supervisor_runs_ = false;
  if (status.ok()) {
    await_supervisor_client(true);  // It left because it was asked to.
    return;
  }
  complain("the supervisor ended: " + describe(status));
  if (crashed_too_often(supervisor_deaths_)) {
    retry_ms_ = supervisor_retry_ms;
  } else {
    start_supervisor();
  }
}

/// One that outlived another guardian: how it ended is not told to us.
void Guardian::foreign_supervisor_ended() {
  poller_.remove(supervisor_.pidfd.get());
  supervisor_is_foreign_ = false;
  supervisor_runs_ = false;
  if (!leaving_) {
    start_supervisor();
  }
}

// ---- the daemon -------------------------------------------------------------------------------------

std::vector<std::string> Guardian::daemon_environment() const {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text{*variable};
    if (!text.starts_with("CATTINO_GUARDIAN_PID=") &&
        !text.starts_with("CATTINO_SUPERVISOR_PID=")) {
      variables.emplace_back(text);
    }
  }
  variables.push_back(fmt::format("CATTINO_GUARDIAN_PID={}", ::getpid()));
  variables.push_back(fmt::format("CATTINO_SUPERVISOR_PID={}", supervisor_.pid));
  return variables;
}

void Guardian::start_daemon() {
  await_client(false);
  if (daemon_runs_) {
    return;
  }
  std::vector<std::string> words{
      options_.daemon_path, "--state", options_.state_directory, "--socket-fd", "3"};
  if (!options_.supervisor_socket.empty()) {
    words.insert(words.end(), {"--supervisor-socket", options_.supervisor_socket});
  }
  words.insert(words.end(), options_.daemon_arguments.begin(), options_.daemon_arguments.end());
  const std::vector<std::string> variables = daemon_environment();
  const std::vector<char*> argv = pointers_to(words);
  const std::vector<char*> environment = pointers_to(variables);
  const sys::PassedFd passed[] = {{listener_.get(), 3}};
  sys::SpawnRequest request;
  request.executable = options_.daemon_path.c_str();
  request.argv = argv.data();
  request.environment = environment.data();
  request.passed = passed;
  request.death_signal = SIGKILL;  // The next guardian starts another one; two must never be.
  sys::fault_point("guardian.before-daemon");
  daemon_ = spawner_.spawn(request);
  sys::fault_point("guardian.daemon-started");
  daemon_runs_ = daemon_.ok();
  if (!daemon_runs_) {
    give_up(fmt::format(
        "cannot start {}: {}",
        options_.daemon_path,
        describe(ExitStatus::of_stage(daemon_.failed_stage, daemon_.error_number))));
  }
}

void Guardian::daemon_ended(const ExitStatus& status) {
  daemon_runs_ = false;
  const bool by_itself = status.kind == ExitStatus::Kind::code;
  if (leaving_ || (by_itself && status.value == exit_leave_all)) {
    leaving_ = true;
    leave_together();
    return;
  }
  if (by_itself && status.value == exit_keep_tasks) {
    await_client(true);
    return;
  }
  complain("the daemon ended: " + describe(status));
  if (crashed_too_often(daemon_deaths_)) {
    give_up(fmt::format(
        "the daemon ended {} times within {} s, the last time by: {}",
        crash_count_max,
        crash_window.us / 1000000,
        describe(status)));
  } else {
    start_daemon();
  }
}

/// Sends waiting clients away, who then read why, and leaves the next try to the next client.
void Guardian::give_up(const std::string& why) {
  complain(why);
  if (const Status written = sys::write_file_atomically(
          options_.state_directory + "/crash.txt",
          fmt::format("{}\nSee {}/guardian.log\n", why, options_.state_directory));
      !written) {
    complain(written.error().message);
  }
  int error = 0;
  while (sys::accept_unix(listener_.get(), error)) {
  }
  await_client(true);
}

// ---- common -----------------------------------------------------------------------------------------

bool Guardian::crashed_too_often(std::deque<Duration>& deaths) const {
  if (sys::faults_are_used()) {
    return false;
  }
  const Duration now = sys::since_boot();
  deaths.push_back(now);
  while (now - deaths.front() > crash_window) {
    deaths.pop_front();
  }
  return deaths.size() >= crash_count_max;
}

void Guardian::await_client(bool wanted) {
  if (wanted == std::exchange(awaits_client_, wanted)) {
    return;
  }
  if (wanted) {
    poller_.add(listener_.get(), as_token(Event::client));
  } else {
    poller_.remove(listener_.get());
  }
}

void Guardian::await_supervisor_client(bool wanted) {
  if (!supervisor_listener_ || wanted == std::exchange(awaits_supervisor_client_, wanted)) {
    return;
  }
  if (wanted) {
    poller_.add(supervisor_listener_.get(), as_token(Event::supervisor_client));
  } else {
    poller_.remove(supervisor_listener_.get());
  }
}

void Guardian::leave_together() {
  if (supervisor_runs_) {
    sys::signal_process(supervisor_.pidfd.get(), SIGUSR1);
  }
  await_client(true);  // Who comes while tasks are still running is served.
}

bool Guardian::all_gone() const {
  if (!leaving_ || daemon_runs_ || supervisor_runs_) {
    return false;
  }
  // A client that came in the last moment is served by the next turn.
  pollfd wait{listener_.get(), POLLIN, 0};
  return ::poll(&wait, 1, 0) == 0;
}

namespace {

/// The starter's terminal and session are left behind; messages go to a log of our own.
Status detach(const std::string& state_directory) {
  const pid_t child = ::fork();
  if (child < 0) {
    return system_error("fork", "the guardian", errno);
  }
  if (child > 0) {
    ::_exit(0);
  }
  ::setsid();
  const std::string path = state_directory + "/guardian.log";
  const sys::Fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  const sys::Fd log{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  ::dup2(null.get(), 0);
  ::dup2(log ? log.get() : null.get(), 1);
  ::dup2(log ? log.get() : null.get(), 2);
  return ok();
}

}  // namespace

int guard(GuardianOptions options) {
  const std::string state_directory = options.state_directory;
  const bool foreground = options.foreground;
  sys::close_all_on_exec();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "meow-guardian");
  Guardian guardian{std::move(options)};
  Status status = guardian.prepare();
  if (status && !foreground) {
    status = detach(state_directory);
  }
  if (!status) {
    complain(status.error().message);
    return status.error().code == ErrorCode::conflict ? exit_locked : 1;
  }
  if (!foreground) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // fork() does not pass it on.
  }
  guardian.run();
  ::unlink(guardian.socket_path().c_str());
  return 0;
}

}  // namespace cattino::supervisor
