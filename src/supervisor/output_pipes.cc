// Pipes between a task and its logs.
#include "supervisor/output_pipes.h"

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "supervisor/copier.h"

namespace cattino::supervisor {

OutputPipes::OutputPipes(int out_log, int err_log) {
  out_.log = out_log;
  err_.log = err_log;
  error_number_ = open(out_);
  if (error_number_ == 0 && err_log >= 0) {
    error_number_ = open(err_);
  }
}

int OutputPipes::open(Pipe& pipe) {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return errno;
  }
  pipe.read = sys::Fd{ends[0]};
  pipe.write = sys::Fd{ends[1]};
  return 0;
}

sys::Spawned OutputPipes::start_copier(
    sys::Spawner& spawner, std::uint64_t limit, const std::string& path, std::atomic<pid_t>* seen) {
  std::vector<std::string> words{"meow-supervisor", "--copy-logs", std::to_string(limit), path};
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  std::vector<sys::PassedFd> passed{
      {out_.read.get(), copier_fds[0].from}, {out_.log, copier_fds[0].to}};
  if (err_.log >= 0) {
    passed.push_back({err_.read.get(), copier_fds[1].from});
    passed.push_back({err_.log, copier_fds[1].to});
  }
  sys::SpawnRequest request;
  request.executable = "/proc/self/exe";
  request.argv = argv.data();
  request.environment = environ;
  request.directory = "/";
  request.passed = passed;
  request.pid_seen = seen;
  return spawner.spawn(request);
}

}  // namespace cattino::supervisor
