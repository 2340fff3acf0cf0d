// Real processes for tests.
#include "supervisor/test_program.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/journal.h"
#include "supervisor/tokens.h"
#include "sys/cgroup.h"
#include "sys/files.h"
#include "sys/sockets.h"

extern char** environ;

namespace cattino::supervisor {
namespace {

constexpr int patience_ms = 10000;

bool await_readable(int fd) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, patience_ms) == 1;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) {
    pointers.push_back(const_cast<char*>(word.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

/// Processes of other test programs that run now have other tags.
void take_tag_space() {
  static const bool taken = [] {
    const std::uint64_t space = not_a_key | static_cast<std::uint64_t>(::getpid());
    return sys::set_own_tag({space, space});
  }();
  ASSERT_TRUE(taken);
}

bool is_ours(pid_t pid) {
  const std::optional<sys::Tag> tag = sys::tag_of(pid);
  const std::optional<sys::ProcessStat> stat = sys::stat_of(pid);
  return tag && stat && tag->space == sys::own_tag().space && is_key(tag->key) && !stat->ended();
}

}  // namespace

TestProgram::TestProgram() {
  take_tag_space();
  // Orphans come to us, and stay zombies until the test is over.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  sys::close_all_on_exec();
}

TestProgram::~TestProgram() {
  if (process_.pidfd) {
    signal(SIGKILL);
    await_status();
  }
  // A supervisor outlives its guardian.
  if (const Result<std::string> text = sys::read_file(directory_ / "supervisor.lock")) {
    pid_t pid = 0;
    std::from_chars(text->data(), text->data() + text->size(), pid);
    const bool lives = !sys::lock_file(directory_ / "supervisor.lock");
    const sys::Fd pidfd = lives && pid > 0 ? sys::open_pidfd(pid) : sys::Fd{};
    if (pidfd) {
      sys::signal_process(pidfd.get(), SIGKILL);
      await_readable(pidfd.get());
    }
  }
  for (const pid_t pid : sys::all_pids()) {
    const sys::Fd pidfd = is_ours(pid) ? sys::open_pidfd(pid) : sys::Fd{};
    if (pidfd) {
      sys::signal_process(pidfd.get(), SIGKILL);
      await_readable(pidfd.get());
    }
  }
  while (const std::optional<sys::ProcessExit> ended = sys::peek_any_exit(true)) {
    sys::reap_pid(ended->pid);
  }
  const std::string pool = read_journal(directory_ / "supervisor.journal").cgroups;
  EXPECT_TRUE(pool.empty() || sys::remove_cgroup(pool, patience_ms)) << pool;
}

void TestProgram::start() {
  const Result<sys::Fd> listener = sys::listen_unix(socket(), 16);
  ASSERT_TRUE(listener);
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(static_cast<int*>(ends), O_CLOEXEC | O_NONBLOCK), 0);
  const sys::Fd reading{ends[0]};
  orphans_ = sys::Fd{ends[1]};
  const sys::PassedFd passed[] = {{listener->get(), 3}, {reading.get(), 4}};
  spawn({MEOW_SUPERVISOR, "--supervise", "--state", directory_.path(), "--epoch", "42"}, passed);
}

void TestProgram::start_with(const std::vector<std::string>& arguments) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(static_cast<int*>(ends), O_CLOEXEC), 0);
  const sys::Fd reading{ends[0]};
  sys::Fd writing{ends[1]};
  const sys::PassedFd passed[] = {{writing.get(), 3}};
  std::vector<std::string> words{MEOW_SUPERVISOR};
  words.insert(words.end(), arguments.begin(), arguments.end());
  spawn(words, passed);
  writing.reset();
  ASSERT_TRUE(await_readable(reading.get()));
  char byte = 0;
  ASSERT_EQ(::read(reading.get(), &byte, 1), 1) << "it ended before it was ready";
}

void TestProgram::spawn(
    const std::vector<std::string>& words, std::span<const sys::PassedFd> passed) {
  const std::vector<char*> argv = pointers_to(words);
  sys::SpawnRequest request;
  request.executable = MEOW_SUPERVISOR;
  request.argv = argv.data();
  request.environment = environ;
  request.directory = directory_.path().c_str();
  request.passed = passed;
  process_ = spawner_.spawn(request);
  ASSERT_TRUE(process_.ok());
}

ExitStatus TestProgram::await_status() {
  EXPECT_TRUE(await_readable(process_.pidfd.get()));
  const std::optional<sys::ProcessExit> ended = sys::peek_exit(process_.pidfd.get());
  sys::reap(process_.pidfd.get());
  process_.pidfd.reset();
  return ended ? ended->status : ExitStatus::of_lost();
}

std::string TestProgram::text_of(const std::string& name) const {
  const Result<std::string> text = sys::read_file(directory_ / name);
  return text ? *text : "(no file)";
}

std::string TestProgram::await_text(const std::string& name) const {
  const Time deadline = sys::Clock{}.now() + Duration::milliseconds(patience_ms);
  while (sys::Clock{}.now() < deadline) {
    const Result<std::string> text = sys::read_file(directory_ / name);
    if (text && !text->empty()) {
      return *text;
    }
    ::sched_yield();
  }
  return {};
}

bool TestProgram::exists(const std::string& name) const {
  return std::filesystem::exists(directory_ / name);
}

void TestProgram::write(const std::string& name, std::string_view content, unsigned mode) const {
  ASSERT_TRUE(sys::write_file_atomically(directory_ / name, content, mode));
}

std::size_t TestProgram::living_with_key(std::uint64_t key) {
  std::size_t count = 0;
  for (const pid_t pid : sys::all_pids()) {
    const std::optional<sys::Tag> tag = sys::tag_of(pid);
    count += tag && tag->key == key && is_ours(pid) ? 1U : 0U;
  }
  return count;
}

// ---- TestDaemon -------------------------------------------------------------------------------------

TestDaemon::TestDaemon(const TestProgram& program) : program_{&program} {
  Result<sys::Fd> socket = sys::connect_unix(program.socket());
  EXPECT_TRUE(socket);
  if (socket) {
    socket_ = std::move(*socket);
  }
}

void TestDaemon::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd wait{socket_.get(), POLLOUT, 0};
    ASSERT_EQ(::poll(&wait, 1, patience_ms), 1);
    const ssize_t wrote = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ASSERT_GT(wrote, 0);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

void TestDaemon::flush() {
  send_bytes(out_);
  out_.clear();
}

void TestDaemon::send(const ToSupervisor& message) {
  queue(message);
  flush();
}

bool TestDaemon::receive() {
  return await_readable(socket_.get()) && reader_.read_from(socket_.get()) > 0;
}

bool TestDaemon::next(FromSupervisor& message) {
  while (true) {
    if (reader_.next(message) == FrameReader::Got::message) {
      return true;
    }
    if (!receive()) {
      return false;
    }
  }
}

Welcome TestDaemon::hello(std::uint32_t version) {
  send(Hello{version});
  FromSupervisor message;
  EXPECT_TRUE(next(message));
  const Welcome* welcome = std::get_if<Welcome>(&message);
  EXPECT_NE(welcome, nullptr);
  return welcome != nullptr ? *welcome : Welcome{};
}

std::vector<FromSupervisor> TestDaemon::await_synced() {
  std::vector<FromSupervisor> before;
  FromSupervisor message;
  while (next(message)) {
    if (std::holds_alternative<Synced>(message)) {
      return before;
    }
    before.push_back(message);
  }
  ADD_FAILURE() << "no Synced came";
  return before;
}

void TestDaemon::synced() {
  hello();
  kept_ = await_synced();
}

Spawn TestDaemon::request(std::uint64_t key, const std::string& command) const {
  Spawn spawn;
  spawn.key = key;
  spawn.variables = {"PATH=/usr/local/bin:/usr/bin:/bin"};
  spawn.argv = {"sh", "-c", command};
  spawn.directory = program_->directory().path();
  spawn.stdout_path = program_->directory() / (std::to_string(key) + ".out");
  spawn.stderr_path = program_->directory() / (std::to_string(key) + ".err");
  return spawn;
}

template <class Message>
Message TestDaemon::await(std::uint64_t key) {
  const auto matches = [&](const FromSupervisor& message) {
    const Message* wanted = std::get_if<Message>(&message);
    return wanted != nullptr && wanted->key == key;
  };
  for (auto at = kept_.begin(); at != kept_.end(); ++at) {
    if (matches(*at)) {
      Message found = std::get<Message>(*at);
      kept_.erase(at);
      return found;
    }
  }
  FromSupervisor message;
  while (next(message)) {
    if (matches(message)) {
      return std::get<Message>(message);
    }
    kept_.push_back(message);
  }
  ADD_FAILURE() << "nothing came about " << key;
  return {};
}

Started TestDaemon::await_started(std::uint64_t key) {
  return await<Started>(key);
}

Exited TestDaemon::await_exit(std::uint64_t key) {
  return await<Exited>(key);
}

void TestDaemon::await_recalled(std::uint64_t key) {
  await<Recalled>(key);
}

bool TestDaemon::await_adopted(std::uint64_t key) {
  return await<Adopted>(key).go;
}

bool TestDaemon::await_end() {
  while (await_readable(socket_.get())) {
    if (reader_.read_from(socket_.get()) <= 0) {
      return true;
    }
  }
  return false;
}

// ---- TestFifo, TestHost -----------------------------------------------------------------------------

TestFifo::TestFifo(const TestProgram& program, const std::string& name) {
  const std::string path = program.directory() / name;
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  fd_ = sys::Fd{::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)};
}

void TestFifo::say(std::string_view line) {
  EXPECT_EQ(sys::write_all(fd_.get(), std::string{line} + "\n"), 0);
}

std::string TestFifo::hear() {
  EXPECT_TRUE(await_readable(fd_.get()));
  std::string text(4096, '\0');
  const ssize_t got = ::read(fd_.get(), text.data(), text.size());
  text.resize(static_cast<std::size_t>(got < 0 ? 0 : got));
  return text;
}

pid_t TestHost::start(const std::string& command, std::uint64_t key) {
  const std::vector<std::string> words{"sh", "-c", command};
  const std::vector<char*> argv = pointers_to(words);
  sys::SpawnRequest request;
  request.executable = "/bin/sh";
  request.argv = argv.data();
  request.environment = environ;
  if (key != 0) {
    request.tag = {key, sys::own_tag().space};
  }
  process_ = spawner_.spawn(request);
  return process_.pid;
}

void TestHost::await_end() {
  EXPECT_TRUE(await_readable(process_.pidfd.get()));
}

}  // namespace cattino::supervisor
