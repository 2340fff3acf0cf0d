// Starts the engine on the real store, devices and supervisor, and serves it.
#include "server/daemon.h"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/version.h"
#include "engine/engine.h"
#include "server/log.h"
#include "server/router.h"
#include "server/server.h"
#include "settings/places.h"
#include "sys/clock.h"
#include "sys/files.h"
#include "sys/processes.h"
#include "sys/sockets.h"

namespace cattino::server {

namespace {

constexpr int backlog = 512;

std::string host_name() {
  std::string name(256, '\0');
  ::gethostname(name.data(), name.size() - 1);
  name.resize(name.find('\0'));
  return name;
}

/// Many clients, and a descriptor each; tasks get the limits of their submitters.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/// SIGTERM and SIGINT as a descriptor. Before any thread is started: they inherit the mask.
sys::Fd end_signals() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return sys::Fd{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
}

/// A program in the directory of this one.
std::string beside_us(const char* program) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string{} : (self.parent_path() / program).string();
}

Result<sys::Fd> listener_of(const Options& options) {
  if (options.socket_fd < 0) {
    return sys::listen_unix(options.socket, backlog);
  }
  sys::Fd fd{options.socket_fd};
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return system_error("use the inherited socket", std::to_string(options.socket_fd), errno);
  }
  return fd;
}

Result<settings::Settings> settings_of(
    const Options& options, const settings::Environment& environment) {
  if (options.settings.empty()) {
    return settings::load_default(environment);
  }
  Result<settings::Settings> settings = settings::load(options.settings);
  const std::optional<std::string> devices = environment("CATTINO_DEVICES");
  if (settings && devices && !devices->empty()) {
    if (const Status set = settings::apply(*settings, "devices", *devices); !set) {
      return set.error();
    }
  }
  return settings;
}

/// How long one that was killed may take to be gone.
constexpr Duration death_wait = Duration::seconds(3);

Error held_by(pid_t pid, const std::string& state) {
  return {
      ErrorCode::conflict,
      fmt::format("another daemon (process {}) serves {}", pid, state),
      {},
      fmt::format(
          "two must never write one state: end it (kill {}), or set another CATTINO_HOME", pid)};
}

/// Held as long as this daemon lives, so that two never write one state. A killed one may be on its way
/// out: its end is waited for.
Result<sys::Fd> lock_state(const std::string& state) {
  const std::string path = state + "/daemon.lock";
  const Duration deadline = sys::since_boot() + death_wait;
  while (true) {
    Result<sys::Fd> lock = sys::lock_file(path);
    if (lock) {
      [[maybe_unused]] const Status named = sys::name_holder(*lock);  // only told to people
      return lock;
    }
    const pid_t pid = sys::holder_of(path);
    const Duration left = deadline - sys::since_boot();
    if (lock.error().code != ErrorCode::conflict) {
      return lock.error();
    }
    const sys::Fd other = pid > 0 ? sys::open_pidfd(pid) : sys::Fd{};
    pollfd ended{other.get(), POLLIN, 0};
    if (left.us <= 0 || (other && ::poll(&ended, 1, static_cast<int>(left.ms()) + 1) == 0)) {
      return held_by(pid, state);
    }
  }
}

class Daemon {
 public:
  Daemon(Options options, settings::Environment environment, Log log, Result<sys::Fd> lock)
      : options_(std::move(options)),
        environment_(std::move(environment)),
        log_(std::move(log)),
        lock_(std::move(lock)),
        signals_(end_signals()),
        watch_(loop_, signals_.get(), [this] { on_signal(); }) {}

  Result<int> run() {
    Result<sys::Fd> listener = listener_of(options_);
    if (!listener) {
      return listener.error();
    }
    const Status started = lock_ ? start_engine() : Status(lock_.error());
    if (!started) {
      log_.write("refusing", {{"error", started.error().message}, {"hint", started.error().hint}});
    }
    Open open = started ? route_to(Context{*engine_, host_name()})
                        : refuse_all(
                              started.error(),
                              {[this](bool keep_tasks) {
                                 leave(keep_tasks ? ExitStatus::keep_tasks : ExitStatus::leave_all);
                               },
                               [this] {
                                 return store::Store::set_aside(database());
                               }});
    server_ = std::make_unique<Server>(
        loop_, std::move(*listener), std::move(open), [this](std::string_view problem) {
          log_.write("failed", {{"problem", problem}});
        });
    log_.write("start", {{"version", program_version}, {"state", options_.state}});
    loop_.run();
    server_.reset();
    engine_.reset();
    log_.write("leave", {{"status", std::to_string(status_)}});
    return status_;
  }

 private:
  [[nodiscard]] std::string database() const { return options_.state + "/state.db"; }

  Status start_engine() {
    Result<settings::Settings> settings = settings_of(options_, environment_);
    if (!settings) {
      return settings.error();
    }
    if (const std::optional<std::string> cpus = environment_("CATTINO_CPUS");
        cpus && !cpus->empty()) {
      if (const Status set = settings::apply(*settings, "cpus", *cpus); !set) {
        return set.error();
      }
    }
    Result<std::unique_ptr<store::Store>> store = store::Store::open(database(), loop_);
    if (!store) {
      return store.error();
    }
    devices::Choice choice;
    choice.declared = settings->devices;
    choice.cpus = settings->cpus;
    Result<std::unique_ptr<devices::Probe>> probe = devices::make_probe(choice);
    if (!probe) {
      return probe.error();
    }
    engine::Engine::Options options;
    options.state = options_.state;
    options.home = options_.home;
    options.socket = options_.socket;
    options.supervisor_socket = options_.supervisor_socket;
    options.copier = beside_us("meow-supervisor");
    options.settings = std::move(*settings);
    options.guardian_pid = options_.guardian_pid;
    options.supervisor_pid = options_.supervisor_pid;
    options.supervised = supervisor::keys_in_journal(options_.state);
    Result<std::unique_ptr<engine::Engine>> engine = engine::Engine::start(
        loop_,
        std::move(options),
        std::move(*store),
        std::move(*probe),
        [this](supervisor::Handlers handlers) {
          return supervisor::connect(loop_, options_.supervisor_socket, std::move(handlers));
        });
    if (!engine) {
      return engine.error();
    }
    engine_ = std::move(*engine);
    engine_->on_leave([this](int status) { leave(status); });
    return ok();
  }

  /// The first asks the engine; a second one does not wait for it.
  void on_signal() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) > 0) {
    }
    log_.write("signal", {{"number", std::to_string(info.ssi_signo)}});
    if (!engine_ || asked_) {
      leave(ExitStatus::keep_tasks);
      return;
    }
    asked_ = true;
    engine_->leave(true, [this](const Result<std::uint64_t>& left) {
      if (!left) {
        log_.write("failed", {{"problem", left.error().message}});
      }
    });
  }

  void leave(int status) {
    status_ = status;
    if (server_) {
      server_->finish([this] { loop_.stop(); });
    } else {
      loop_.stop();
    }
  }

  Options options_;
  settings::Environment environment_;
  Log log_;
  Result<sys::Fd> lock_;
  int status_ = ExitStatus::keep_tasks;
  bool asked_ = false;

  // In the order in which they need each other.
  sys::Fd signals_;
  sys::Loop loop_;
  sys::Watch watch_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<Server> server_;
};

}  // namespace

namespace {

/// What was not said is where `meow` would look for it.
Result<Options> completed(Options options, const settings::Environment& environment) {
  const Result<settings::Places> places = settings::places(environment);
  if (options.home.empty()) {
    if (!places) {
      return places.error();
    }
    options.home = places->home;
  }
  const bool usual = places && places->state == options.state;
  if (options.socket.empty()) {
    options.socket = usual ? places->socket : options.state + "/meow.sock";
  }
  if (options.supervisor_socket.empty()) {
    options.supervisor_socket =
        usual ? places->supervisor_socket : options.state + "/supervisor.sock";
  }
  return options;
}

}  // namespace

Result<int> run_daemon(const Options& options, const settings::Environment& environment) {
  raise_descriptor_limit();
  Result<Options> whole = completed(options, environment);
  if (!whole) {
    return whole.error();
  }
  if (const Status made = settings::make_private_directory(whole->state); !made) {
    return made.error();
  }
  Result<sys::Fd> lock = lock_state(whole->state);
  if (!lock && whole->socket_fd < 0) {
    return lock.error();  // started by hand: nobody is to be told by the socket
  }
  Result<Log> log = Log::open(whole->state + "/meowd.log");
  if (!log) {
    return log.error();
  }
  Daemon daemon{std::move(*whole), environment, std::move(*log), std::move(lock)};
  return daemon.run();
}

}  // namespace cattino::server
