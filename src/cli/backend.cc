// Connecting and starting. The guardian's lock decides who of many starters wins.
#include "cli/backend.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/versions.h"
#include "sys/clock.h"
#include "sys/files.h"
#include "sys/processes.h"
#include "sys/spawn.h"

namespace cattino::cli {

namespace {

constexpr int status_already_held = 75;
constexpr int ready_fd = 3;
constexpr Duration patience = Duration::seconds(20);
constexpr Duration patience_for_turn = Duration::seconds(5);

constexpr std::array<std::string_view, 9> visibility_variables = {
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "NVIDIA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "ASCEND_RT_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
    "ONEAPI_DEVICE_SELECTOR"};

std::vector<std::string> environment_of_guardian(
    const Surroundings& surroundings, const StartOptions& options) {
  std::vector<std::pair<std::string, std::string>> variables;
  for (const auto& variable : surroundings.variables) {
    const bool hidden =
        !options.keep_visibility &&
        std::find(visibility_variables.begin(), visibility_variables.end(), variable.first) !=
            visibility_variables.end();
    const bool replaced =
        std::any_of(options.variables.begin(), options.variables.end(), [&](const auto& other) {
          return other.first == variable.first;
        });
    if (!hidden && !replaced) {
      variables.push_back(variable);
    }
  }
  variables.insert(variables.end(), options.variables.begin(), options.variables.end());
  return joined(variables);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    result.push_back(text.data());
  }
  result.push_back(nullptr);
  return result;
}

/// True if the guardian said that it is ready; false if it closed its end without a word.
bool wait_for_ready(int fd) {
  char byte = 0;
  ssize_t count = 0;
  do {
    count = read(fd, &byte, 1);
  } while (count < 0 && errno == EINTR);
  return count == 1;
}

ExitStatus wait_for_exit(const sys::Spawned& child) {
  pollfd ended{child.pidfd.get(), POLLIN, 0};
  while (poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
  const auto exit = sys::peek_exit(child.pidfd.get());
  sys::reap(child.pidfd.get());
  return exit ? exit->status : ExitStatus::of_lost();
}

std::string last_line(std::string_view text) {
  while (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  return std::string(text.substr(text.find_last_of('\n') + 1));
}

Error cannot_start(const std::string& why, const std::string& log) {
  return {
      ErrorCode::unavailable,
      "the backend cannot be started: " + why,
      {},
      "its words are in " + log};
}

}  // namespace

Result<Backend> Backend::locate(const Surroundings& surroundings) {
  auto places = settings::places(surroundings.environment);
  if (!places) {
    return places.error();
  }
  return Backend(surroundings, std::move(*places));
}

Result<Connection> Backend::connect() const {
  return Connection::open(places_.socket);
}

Result<std::string> Backend::install() const {
  std::string from = surroundings_->value("CATTINO_BIN");
  if (from.empty()) {
    from = sys::directory_of(surroundings_->program);
  }
  const Result<std::string> kept = keep_programs(from, places_.binaries);
  return kept ? prefer_programs(*kept, places_.binaries) : kept;
}

Result<bool> Backend::start(const StartOptions& options) const {
  if (auto made = settings::make_places(places_); !made) {
    return made.error();
  }
  auto directory = install();
  if (!directory) {
    return directory.error();
  }
  const std::string log = places_.state + "/guardian.log";
  const sys::Fd words(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  struct stat before {};
  if (!words || fstat(words.get(), &before) != 0) {
    return system_error("open", log, errno);
  }
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return system_error("create a pipe for", "the guardian", errno);
  }
  const sys::Fd ready(ends[0]);
  sys::Fd tell(ends[1]);

  const std::string program = *directory + "/meow-supervisor";
  std::vector<std::string> arguments = {
      program,
      "--guardian",
      "--state",
      places_.state,
      "--meowd",
      *directory + "/meowd",
      "--socket",
      places_.socket,
      "--supervisor-socket",
      places_.supervisor_socket,
      "--ready-fd",
      fmt::format("{}", ready_fd)};
  std::vector<std::string> environment = environment_of_guardian(*surroundings_, options);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  const std::array<sys::PassedFd, 1> passed = {sys::PassedFd{tell.get(), ready_fd}};
  sys::SpawnRequest request;
  request.executable = program.c_str();
  request.argv = argv.data();
  request.environment = envp.data();
  request.directory = "/";
  request.stdout_fd = words.get();
  request.stderr_fd = words.get();
  request.umask = 077;
  request.passed = passed;
  sys::Spawner spawner;
  const sys::Spawned child = spawner.spawn(request);
  if (!child.ok()) {
    return cannot_start(system_error("run", program, child.error_number).message, log);
  }
  tell.reset();
  if (wait_for_ready(ready.get())) {
    sys::reap(child.pidfd.get());  // it detached itself: what we started has most likely ended
    return true;
  }
  const ExitStatus status = wait_for_exit(child);
  if (status == ExitStatus::of_code(status_already_held)) {
    return false;
  }
  const auto all = sys::read_file(log);
  const auto size = static_cast<std::size_t>(before.st_size);
  const std::string said = all && all->size() > size ? last_line(all->substr(size)) : "";
  return cannot_start(said.empty() ? "its guardian: " + describe(status) : said, log);
}

Result<Connection> Backend::connect_or_start() const {
  auto connection = connect();
  if (connection || connection.error().code != ErrorCode::unavailable) {
    return connection;
  }
  if (auto made = settings::make_places(places_); !made) {
    return made.error();
  }
  const Duration begin = sys::since_boot();
  const std::string path = places_.state + "/start.lock";
  const sys::Fd turn(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  await_turn(turn.get());
  return start_and_connect(begin + patience);
}

/// Lets one of many starters go first: the others would only take the processor from the backend that comes.
/// Who may start is decided by the guardian's lock, so none waits for this one for long: its holder may have
/// been stopped.
void Backend::await_turn(int lock) const {
  const Duration begin = sys::since_boot();
  int pause_ms = 1;
  while (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0 &&
         sys::since_boot() - begin < patience_for_turn && !connect()) {
    poll(nullptr, 0, pause_ms);
    pause_ms = std::min(pause_ms * 2, 50);
  }
}

/// Until `deadline`, by the clock of the boot.
Result<Connection> Backend::start_and_connect(Duration deadline) const {
  int pause_ms = 1;
  while (true) {
    auto connection = connect();
    if (connection || connection.error().code != ErrorCode::unavailable) {
      return connection;
    }
    auto started = start({});
    if (!started) {
      return started.error();
    }
    if (*started) {
      continue;
    }
    // Another one holds the lock and does not listen yet, or is leaving and will let go of it. Neither
    // can be waited for otherwise: nobody knows which of the two it is.
    if (sys::since_boot() > deadline) {
      return Error{
          ErrorCode::unavailable,
          "the backend cannot be reached: another one holds its lock and does not answer",
          {},
          "see " + places_.state + "/guardian.log"};
    }
    poll(nullptr, 0, pause_ms);
    pause_ms = std::min(pause_ms * 2, 100);
  }
}

}  // namespace cattino::cli
