// The guardian with its supervisor and a daemon that is a shell script.
#include <algorithm>
#include <csignal>
#include <memory>
#include <sstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "supervisor/test_program.h"
#include "sys/files.h"
#include "sys/sockets.h"

namespace cattino::supervisor {
namespace {

/// A guardian in the foreground. Its daemon tells each of its lives through the pipe `lives`, and ends
/// with the status it reads from the pipe `end`.
class GuardianProcess : public testing::Test {
 protected:
  GuardianProcess() : lives_{process_, "lives"}, end_{process_, "end"} {
    process_.write(
        "daemon",
        "#!/bin/sh\n"
        "echo \"$$ $CATTINO_SUPERVISOR_PID $*\" > lives\n"
        "test -e broken && exit 1\n"
        "read status < end\n"
        "test \"$status\" = kill && kill -9 $$\n"
        "exit $status\n",
        0700);
  }

  void start() {
    const std::string script = process_.directory() / "daemon";
    process_.start_with(
        {"--guardian",
         "--state",
         process_.directory().path(),
         "--meowd",
         script,
         "--foreground",
         "--ready-fd",
         "3",
         "--",
         "--more"});
  }

  /// One life of the daemon: its pid and the supervisor's.
  struct Life {
    pid_t pid = 0;
    pid_t supervisor = 0;
    std::string arguments;
  };
  Life hear_life() {
    Life life;
    std::istringstream words{lives_.hear()};
    words >> life.pid >> life.supervisor;
    std::getline(words, life.arguments);
    return life;
  }

  static void kill(pid_t pid) {
    const sys::Fd pidfd = sys::open_pidfd(pid);
    ASSERT_TRUE(sys::signal_process(pidfd.get(), SIGKILL));
  }

  TestProgram process_;
  TestFifo lives_;
  TestFifo end_;
};

TEST_F(GuardianProcess, StartsADaemonAndStartsItAgainWhenItIsKilled) {
  start();
  const Life first = hear_life();
  EXPECT_EQ(first.arguments, " --state " + process_.directory().path() + " --socket-fd 3 --more");
  EXPECT_GT(first.supervisor, 0);
  end_.say("kill");
  const Life second = hear_life();
  EXPECT_NE(second.pid, first.pid);
  EXPECT_EQ(second.supervisor, first.supervisor);
}

TEST_F(GuardianProcess, ASecondOneFindsTheLockTaken) {
  start();
  hear_life();
  TestProgram other;
  const std::vector<std::string> words{};
  sys::Spawner spawner;
  const std::string state = process_.directory().path();
  const char* argv[] = {
      MEOW_SUPERVISOR, "--guardian", "--state", state.c_str(), "--meowd", "/bin/true", nullptr};
  const char* environment[] = {nullptr};
  sys::SpawnRequest request;
  request.executable = MEOW_SUPERVISOR;
  request.argv = const_cast<char* const*>(argv);
  request.environment = const_cast<char* const*>(environment);
  const sys::Spawned second = spawner.spawn(request);
  ASSERT_TRUE(second.ok());
  while (!sys::peek_exit(second.pidfd.get())) {
  }
  EXPECT_EQ(sys::peek_exit(second.pidfd.get())->status, ExitStatus::of_code(75));
  sys::reap(second.pidfd.get());
}

TEST_F(GuardianProcess, AfterStatusTenTheNextClientStartsTheNextDaemon) {
  start();
  hear_life();
  end_.say("10");
  const Result<sys::Fd> client = sys::connect_unix(process_.directory() / "meow.sock");
  ASSERT_TRUE(client);
  EXPECT_GT(hear_life().pid, 0);
}

TEST_F(GuardianProcess, AfterStatusZeroAllLeave) {
  start();
  const Life life = hear_life();
  const sys::Fd supervisor = sys::open_pidfd(life.supervisor);
  end_.say("0");
  EXPECT_EQ(process_.await_status(), ExitStatus::of_code(0));
  EXPECT_FALSE(sys::signal_process(supervisor.get(), 0));
  EXPECT_FALSE(process_.exists("meow.sock"));
}

TEST_F(GuardianProcess, ADaemonThatCrashesAgainAndAgainIsGivenUpInWords) {
  process_.write("broken", "", 0600);
  start();
  EXPECT_NE(process_.await_text("crash.txt").find("exit status 1"), std::string::npos);
  // The next client is the next chance.
  ASSERT_EQ(::unlink((process_.directory() / "broken").c_str()), 0);
  std::string before;
  while (std::count(before.begin(), before.end(), '\n') < 5) {
    before += lives_.hear();
  }
  // A client that is sent away with those of before tries again.
  for (bool served = false; !served;) {
    const Result<sys::Fd> client = sys::connect_unix(process_.directory() / "meow.sock");
    ASSERT_TRUE(client);
    pollfd waits[] = {{lives_.fd(), POLLIN, 0}, {client->get(), POLLIN, 0}};
    ASSERT_GT(::poll(static_cast<pollfd*>(waits), 2, 10000), 0);
    served = waits[0].revents != 0;
  }
  EXPECT_GT(hear_life().pid, 0);
}

TEST_F(GuardianProcess, AKilledSupervisorLosesNoStatus) {
  start();
  const Life life = hear_life();
  TestFifo go{process_, "go"};
  pid_t running = 0;
  {
    TestDaemon daemon{process_};
    daemon.synced();
    daemon.spawn(1, "read line < go; exit 7");
    daemon.spawn(2, "exit 3");
    daemon.spawn(3, "read line < go; kill -9 $$");
    running = daemon.await_started(1).pid;
    daemon.await_started(3);
    daemon.await_exit(2);
    kill(life.supervisor);
    EXPECT_TRUE(daemon.await_end());
  }
  TestDaemon daemon{process_};
  daemon.synced();
  EXPECT_EQ(daemon.await_started(1).pid, running);
  EXPECT_EQ(daemon.await_exit(2).status, ExitStatus::of_code(3));
  daemon.spawn(1, "echo twice > twice");
  go.say("go");
  go.say("go");
  EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_code(7));
  EXPECT_EQ(daemon.await_exit(3).status, ExitStatus::of_signal(SIGKILL));
  EXPECT_FALSE(process_.exists("twice"));
}

TEST_F(GuardianProcess, WhatEndsWhileNoSupervisorLivesIsToldByTheNext) {
  start();
  const Life life = hear_life();
  std::vector<std::unique_ptr<TestFifo>> gates;
  {
    TestDaemon daemon{process_};
    daemon.synced();
    for (std::uint64_t key = 1; key <= 20; ++key) {
      const std::string gate = "gate" + std::to_string(key);
      gates.push_back(std::make_unique<TestFifo>(process_, gate));
      daemon.spawn(key, "read line < " + gate + "; exit 7");
      daemon.await_started(key);
    }
    const sys::Fd supervisor = sys::open_pidfd(life.supervisor);
    sys::signal_process(supervisor.get(), SIGSTOP);
    for (const std::unique_ptr<TestFifo>& gate : gates) {
      gate->say("go");
    }
    sys::signal_process(supervisor.get(), SIGKILL);
    EXPECT_TRUE(daemon.await_end());
  }
  TestDaemon daemon{process_};
  daemon.synced();
  for (std::uint64_t key = 1; key <= 20; ++key) {
    EXPECT_EQ(daemon.await_exit(key).status, ExitStatus::of_code(7)) << key;
  }
}

TEST_F(GuardianProcess, ASupervisorWhoseGuardianWasKilledIsTakenOverByTheNext) {
  start();
  const Life life = hear_life();
  TestFifo go{process_, "go"};
  TestDaemon daemon{process_};
  daemon.synced();
  daemon.spawn(1, "read line < go; exit 7");
  daemon.await_started(1);
  process_.signal(SIGKILL);
  EXPECT_EQ(process_.await_status(), ExitStatus::of_signal(SIGKILL));
  start();
  EXPECT_EQ(hear_life().supervisor, life.supervisor);
  go.say("go");
  EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_code(7));
  // It has seen its tasks to their end and goes; the new guardian's own supervisor follows.
  EXPECT_TRUE(daemon.await_end());
  const sys::Fd old = sys::open_pidfd(life.supervisor);
  pollfd wait{old.get(), POLLIN, 0};
  EXPECT_TRUE(!old || ::poll(&wait, 1, 10000) == 1);
}

}  // namespace
}  // namespace cattino::supervisor
