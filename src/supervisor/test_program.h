// For tests: meow-supervisor as a real process in a private directory, and who talks to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "supervisor/frame.h"
#include "supervisor/messages.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/processes.h"
#include "sys/spawn.h"
#include "sys/test_directory.h"

namespace cattino::supervisor {

/// A private directory, the programs that run in it, and what is left of them when the test ends: nothing.
class TestProgram {
 public:
  TestProgram();
  ~TestProgram();
  TestProgram(const TestProgram&) = delete;
  TestProgram& operator=(const TestProgram&) = delete;

  /// A supervisor with epoch 42, without a guardian.
  void start();
  /// The program with arguments of its own; the descriptor 3 is its ready_fd.
  void start_with(const std::vector<std::string>& arguments);

  void signal(int number) const { sys::signal_process(process_.pidfd.get(), number); }
  ExitStatus await_status();

  [[nodiscard]] const sys::TestDirectory& directory() const { return directory_; }
  [[nodiscard]] std::string socket() const { return directory_ / "supervisor.sock"; }
  [[nodiscard]] std::string text_of(const std::string& name) const;
  /// The text of a file once it has any.
  [[nodiscard]] std::string await_text(const std::string& name) const;
  [[nodiscard]] bool exists(const std::string& name) const;
  void write(const std::string& name, std::string_view content, unsigned mode) const;
  [[nodiscard]] static std::size_t living_with_key(std::uint64_t key);

 private:
  void spawn(const std::vector<std::string>& words, std::span<const sys::PassedFd> passed);

  sys::TestDirectory directory_;
  sys::Spawner spawner_;
  sys::Spawned process_;
  sys::Fd orphans_;
};

/// A daemon, or anybody else, connected to the supervisor. What waits fails after 10 s.
class TestDaemon {
 public:
  explicit TestDaemon(const TestProgram& program);

  void queue(const ToSupervisor& message) { encode(message, out_); }
  void flush();
  void send(const ToSupervisor& message);
  void send_bytes(std::string_view bytes);

  Welcome hello(std::uint32_t version = protocol_version);
  std::vector<FromSupervisor> await_synced();
  void synced();

  /// `sh -c command` in the private directory, with logs KEY.out and KEY.err there.
  [[nodiscard]] Spawn request(std::uint64_t key, const std::string& command) const;
  void spawn(std::uint64_t key, const std::string& command) { send(request(key, command)); }

  Started await_started(std::uint64_t key);
  Exited await_exit(std::uint64_t key);
  bool await_adopted(std::uint64_t key);
  void await_recalled(std::uint64_t key);
  /// True once the supervisor has closed the connection.
  bool await_end();

 private:
  bool receive();
  bool next(FromSupervisor& message);
  /// Takes out the first message that `matches`; others are kept.
  template <class Message>
  Message await(std::uint64_t key);

  const TestProgram* program_;
  sys::Fd socket_;
  std::string out_;
  FrameReader reader_;
  std::vector<FromSupervisor> kept_;
};

/// A named pipe in the private directory: waiting without sleeping.
class TestFifo {
 public:
  TestFifo(const TestProgram& program, const std::string& name);
  void say(std::string_view line);
  std::string hear();
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  sys::Fd fd_;
};

/// Parent of processes that the supervisor does not start itself.
class TestHost {
 public:
  /// A child tags itself with its key, as all attempts are; 0: it does not.
  pid_t start(const std::string& command, std::uint64_t key = 0);
  void await_end();

 private:
  sys::Spawner spawner_;
  sys::Spawned process_;
};

}  // namespace cattino::supervisor
