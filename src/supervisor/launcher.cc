// Launching threads.
#include "supervisor/launcher.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <fmt/core.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "supervisor/limits.h"
#include "supervisor/output_pipes.h"
#include "sys/clock.h"
#include "sys/faults.h"
#include "sys/files.h"

namespace cattino::supervisor {
namespace {

sys::Spawned failed(StartStage stage, int error_number) {
  sys::Spawned result;
  result.failed_stage = stage;
  result.error_number = error_number;
  return result;
}

/// Opens a log for append; its directory is made first, for it is nearly always new.
sys::Fd open_log(const std::string& path, const std::string* sibling, int& error) {
  const std::string directory = sys::directory_of(path);
  if (sibling == nullptr || sys::directory_of(*sibling) != directory) {
    error = sys::make_directories_errno(directory);
    if (error != 0) {
      return {};
    }
  }
  constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
  sys::Fd log{::open(path.c_str(), flags, 0666)};
  error = log ? 0 : errno;
  return log;
}

/// The limits of this process, which a child has unless it is given others.
std::vector<sys::ResourceLimit> present_limits() {
  std::vector<sys::ResourceLimit> limits;
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    rlimit limit{};
    ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
    limits.push_back({resource, limit.rlim_cur, limit.rlim_max});
  }
  return limits;
}

/// What a child must be given: the limits asked for, and ours of before where none is, unless it has them.
std::vector<sys::ResourceLimit> limits_of(const Spawn& spawn, const OwnLimits& own) {
  std::vector<sys::ResourceLimit> limits;
  limits.reserve(spawn.limits.size() + 1);
  for (const Limit& limit : spawn.limits) {
    const bool has_it = limit.resource < own.present.size() &&
                        own.present[limit.resource].soft == limit.soft &&
                        own.present[limit.resource].hard == limit.hard;
    if (!has_it) {
      limits.push_back({limit.resource, limit.soft, limit.hard});
    }
  }
  const bool named = std::any_of(spawn.limits.begin(), spawn.limits.end(), [&](const Limit& limit) {
    return limit.resource == own.before.resource;
  });
  if (!named) {
    limits.push_back(own.before);
  }
  return limits;
}

/// The words of `argv` as exec wants them. The pointers point into it.
std::vector<char*> pointers_to(const std::vector<std::string>& argv) {
  std::vector<char*> pointers;
  pointers.reserve(argv.size() + 1);
  for (const std::string& word : argv) {
    pointers.push_back(const_cast<char*>(word.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

void say_why(int log, const Spawn& spawn, const sys::Spawned& result) {
  const ExitStatus status = ExitStatus::of_stage(result.failed_stage, result.error_number);
  const std::string command = spawn.argv.empty() ? std::string{} : spawn.argv.front();
  sys::write_all(log, fmt::format("cattino: {}: {}\n", command, describe(status)));
}

}  // namespace

sys::ResourceLimit raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const sys::ResourceLimit before{RLIMIT_NOFILE, limit.rlim_cur, limit.rlim_max};
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return before;
}

Launcher::Launcher(sys::Poller& poller) : poller_{poller}, tag_space_{sys::own_tag().space} {
  own_limits_.before = raise_descriptor_limit();
  own_limits_.present = present_limits();
  for (std::size_t count = 0; count < launching_threads; ++count) {
    lanes_.push_back(std::make_unique<Lane>());
    Lane& lane = *lanes_.back();
    lane.thread = std::thread{[this, &lane] {
      run(lane);
    }};
    ::pthread_setname_np(lane.thread.native_handle(), "launch");
  }
}

Launcher::~Launcher() {
  jobs_.close();
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    lane->thread.join();
  }
}

void Launcher::push(std::shared_ptr<LaunchJob> job) {
  if (job->state == LaunchJob::State::cancelled) {
    return;
  }
  job->pushed = true;
  ++under_way_;
  jobs_.push(std::move(job));
}

bool Launcher::cancel(LaunchJob& job) {
  const bool cancelled = job.claim(LaunchJob::State::cancelled);
  under_way_ -= cancelled && job.pushed ? 1 : 0;
  return cancelled;
}

void Launcher::take(std::vector<LaunchResult>& results) {
  results_.take(results);
  under_way_ -= results.size();
}

PidsUsed Launcher::pids_used() const {
  PidsUsed used;
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    // In this order: a launch that ends in between is counted once or not, never twice.
    used.at_least += lane->at_least.load();
    used.at_least += lane->pid_seen != 0 ? 1 : 0;
    used.at_most += lane->at_most.load();
  }
  return used;
}

template <class Start>
sys::Spawned Launcher::counted(Lane& lane, const Start& start) {
  lane.at_most.fetch_add(1);
  sys::Spawned result = start();
  lane.pid_seen = 0;
  if (result.pid != 0) {
    lane.at_least.fetch_add(1);
  } else {
    lane.at_most.fetch_sub(1);
  }
  return result;
}

void Launcher::run(Lane& lane) {
  sys::Spawner spawner;
  while (std::optional<std::shared_ptr<LaunchJob>> job = jobs_.pop()) {
    if (!(*job)->claim(LaunchJob::State::taken)) {
      continue;
    }
    LaunchResult result;
    result.key = (*job)->spawn.key;
    launch(spawner, lane, **job, result);
    result.at = sys::since_boot();
    sys::fault_point("supervisor.spawned");
    if (!result.spawned.ok()) {
      results_.post(std::move(result));
      continue;
    }
    results_.post_quietly(std::move(result), [this](const LaunchResult& started) {
      poller_.add(started.spawned.pidfd.get(), started.key);
    });
    if (!(*job)->ahead.empty()) {
      sys::make_directories_errno((*job)->ahead);  // if it fails, the start that wants it says so
    }
  }
}

void Launcher::launch(
    sys::Spawner& spawner, Lane& lane, const LaunchJob& job, LaunchResult& result) const {
  const Spawn& spawn = job.spawn;
  int error = 0;
  const sys::Fd out = open_log(spawn.stdout_path, nullptr, error);
  sys::Fd err;
  if (out && spawn.stderr_path != spawn.stdout_path) {
    err = open_log(spawn.stderr_path, &spawn.stdout_path, error);
  }
  if (error != 0) {
    result.spawned = failed(StartStage::logs, error);
    return;
  }
  const int err_fd = err ? err.get() : out.get();
  if (spawn.log_limit == 0) {
    result.spawned = exec(spawner, lane, job, out.get(), err_fd);
  } else {
    OutputPipes pipes{out.get(), err ? err.get() : -1};
    sys::Spawned copier = start_copier(spawner, lane, spawn, pipes);
    result.spawned = copier.ok() ? exec(spawner, lane, job, pipes.out(), pipes.err())
                                 : failed(copier.failed_stage, copier.error_number);
    result.copier = std::move(copier.pidfd);
  }
  if (!result.spawned.ok()) {
    say_why(err_fd, spawn, result.spawned);
  }
}

sys::Spawned Launcher::exec(
    sys::Spawner& spawner, Lane& lane, const LaunchJob& job, int out, int err) const {
  const Spawn& spawn = job.spawn;
  if (spawn.argv.empty()) {
    return failed(StartStage::executable, ENOENT);
  }
  static const Environment nothing{{}};
  const Environment& base = job.environment ? *job.environment : nothing;
  const std::vector<char*> environment = base.merged(spawn.variables);
  int error = 0;
  const std::string program = sys::find_executable(
      spawn.argv.front(), value_of("PATH", environment), spawn.directory, error);
  if (error != 0) {
    struct stat info {};
    const bool no_directory = ::stat(spawn.directory.c_str(), &info) != 0;
    return no_directory ? failed(StartStage::working_directory, errno)
                        : failed(StartStage::executable, error);
  }
  const std::vector<char*> argv = pointers_to(spawn.argv);
  const std::vector<sys::ResourceLimit> limits = limits_of(spawn, own_limits_);
  sys::SpawnRequest request;
  request.executable = program.c_str();
  request.argv = argv.data();
  request.environment = environment.data();
  request.directory = spawn.directory.c_str();
  request.stdout_fd = out;
  request.stderr_fd = err;
  request.umask = spawn.umask;
  request.limits = limits;
  request.tag = {spawn.key, tag_space_};
  request.cgroup = job.cgroup;
  request.doors = job.doors;
  request.pid_seen = &lane.pid_seen;
  const auto start = [&] {
    return spawner.spawn(request);
  };
  sys::Spawned result = counted(lane, start);
  if (result.failed_stage != StartStage::exec || result.error_number != ENOEXEC) {
    return result;
  }
  // A script without #!: any shell would run it by /bin/sh.
  std::vector<std::string> words{"/bin/sh", program};
  words.insert(words.end(), spawn.argv.begin() + 1, spawn.argv.end());
  const std::vector<char*> by_shell = pointers_to(words);
  request.executable = "/bin/sh";
  request.argv = by_shell.data();
  return counted(lane, start);
}

sys::Spawned Launcher::start_copier(
    sys::Spawner& spawner, Lane& lane, const Spawn& spawn, OutputPipes& pipes) {
  if (pipes.error_number() != 0) {
    return failed(StartStage::logs, pipes.error_number());
  }
  sys::Spawned copier = counted(lane, [&] {
    return pipes.start_copier(spawner, spawn.log_limit, spawn.stdout_path, &lane.pid_seen);
  });
  if (!copier.ok()) {
    copier.failed_stage = StartStage::logs;
  }
  return copier;
}

}  // namespace cattino::supervisor
