// The supervisor alone: a client keeps K tasks running until N have ended, and prints the rate and the
// supervisor's own CPU time a task, to be set beside the floor.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "supervisor/frame.h"
#include "sys/files.h"
#include "sys/processes.h"
#include "sys/sockets.h"
#include "sys/spawn.h"

extern char** environ;

namespace cattino {
namespace {

using supervisor::Acknowledge;
using supervisor::DefineEnvironment;
using supervisor::Exited;
using supervisor::FrameReader;
using supervisor::FromSupervisor;
using supervisor::Hello;
using supervisor::Leave;
using supervisor::Spawn;

struct Options {
  std::string program;
  std::string directory;
  std::uint64_t count = 0;
  std::uint64_t at_once = 0;
  std::vector<std::string> command;
};

sys::Spawned start(const Options& options, int listener) {
  std::vector<std::string> words{"meow-supervisor", "--supervise", "--state", options.directory};
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  int ends[2] = {-1, -1};
  if (::pipe2(static_cast<int*>(ends), O_CLOEXEC | O_NONBLOCK) != 0) {
    return {};
  }
  const sys::Fd reading{ends[0]};
  static const sys::Fd writing{ends[1]};
  const sys::PassedFd passed[] = {{listener, 3}, {reading.get(), 4}};
  sys::SpawnRequest request;
  request.executable = options.program.c_str();
  request.argv = argv.data();
  request.environment = environ;
  request.passed = passed;
  sys::Spawner spawner;
  return spawner.spawn(request);
}

class Load {
 public:
  Load(const Options& options, sys::Fd socket) : options_{options}, socket_{std::move(socket)} {}

  void run() {
    encode(Hello{}, out_);
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
      variables.emplace_back(*variable);
    }
    encode(DefineEnvironment{1, variables}, out_);
    while (sent_ < options_.at_once) {
      launch();
    }
    FrameReader reader;
    while (ended_ < options_.count) {
      sys::write_all(socket_.get(), out_);
      out_.clear();
      pollfd wait{socket_.get(), POLLIN, 0};
      ::poll(&wait, 1, -1);
      if (reader.read_from(socket_.get()) == 0) {
        return;
      }
      FromSupervisor message;
      while (reader.next(message) == FrameReader::Got::message) {
        if (const Exited* exited = std::get_if<Exited>(&message)) {
          ++ended_;
          failures_ += exited->status.ok() ? 0U : 1U;
          encode(Acknowledge{exited->key}, out_);
          launch();
        }
      }
    }
  }

  void leave() {
    encode(Leave{}, out_);
    sys::write_all(socket_.get(), out_);
  }

  [[nodiscard]] std::uint64_t failures() const { return failures_ + (options_.count - ended_); }

 private:
  void launch() {
    if (sent_ == options_.count) {
      return;
    }
    Spawn spawn;
    spawn.key = ++sent_;
    spawn.environment = 1;
    spawn.variables = {"CATTINO_TASK_NAME=" + std::to_string(sent_), "CATTINO_ATTEMPT=1"};
    spawn.argv = options_.command;
    spawn.directory = "/";
    const std::string logs = fmt::format("{}/logs/{}", options_.directory, sent_);
    spawn.stdout_path = logs + "/stdout.log";
    spawn.stderr_path = logs + "/stderr.log";
    encode(spawn, out_);
  }

  const Options& options_;
  sys::Fd socket_;
  std::string out_;
  std::uint64_t sent_ = 0;
  std::uint64_t ended_ = 0;
  std::uint64_t failures_ = 0;
};

/// CPU time of a process itself, in microseconds, as far as it was counted in ticks.
double cpu_us(pid_t pid) {
  const Result<std::string> text = sys::read_file(fmt::format("/proc/{}/stat", pid));
  unsigned long user = 0;
  unsigned long system = 0;
  if (text) {
    // NOLINTNEXTLINE(cert-err34-c): what is missing counts as nothing
    std::sscanf(
        text->c_str() + text->rfind(')') + 1,
        " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
        &user,
        &system);
  }
  return static_cast<double>(user + system) * 1e6 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

int run(const Options& options) {
  const std::string path = options.directory + "/supervisor.sock";
  if (!sys::make_directories(options.directory + "/logs")) {
    return 1;
  }
  const Result<sys::Fd> listener = sys::listen_unix(path, 16);
  if (!listener) {
    fmt::print(stderr, "supervisor_bench: {}\n", listener.error().message);
    return 1;
  }
  const sys::Spawned process = start(options, listener->get());
  Result<sys::Fd> socket = sys::connect_unix(path);
  if (!process.ok() || !socket) {
    fmt::print(stderr, "supervisor_bench: the supervisor does not start\n");
    return 1;
  }
  Load load{options, std::move(*socket)};
  const auto began = std::chrono::steady_clock::now();
  load.run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const double cpu = cpu_us(process.pid);
  load.leave();
  pollfd wait{process.pidfd.get(), POLLIN, 0};
  ::poll(&wait, 1, -1);
  sys::reap(process.pidfd.get());
  const auto count = static_cast<double>(options.count);
  fmt::print(
      "{{\"tasks_per_second\": {:.1f}, \"cpu_us_per_task_self\": {:.1f}, \"failures\": {}}}\n",
      count / took.count(),
      cpu / count,
      load.failures());
  return load.failures() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace cattino

int main(int count, char** words) {
  if (count < 6) {
    fmt::print(
        stderr, "usage: supervisor_bench MEOW-SUPERVISOR DIR COUNT AT-ONCE PROGRAM [ARGS]\n");
    return 2;
  }
  cattino::Options options;
  options.program = words[1];
  options.directory = words[2];
  options.count = std::strtoull(words[3], nullptr, 10);
  options.at_once = std::strtoull(words[4], nullptr, 10);
  options.command.assign(words + 5, words + count);
  return cattino::run(options);
}
