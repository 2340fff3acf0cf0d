// What can be learned of processes from outside.
#include "sys/processes.h"

#include <algorithm>
#include <csignal>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sys/spawn.h"

namespace cattino::sys {
namespace {

Spawned start(Spawner& spawner, const char* command, Tag tag = {}) {
  const char* argv[] = {"sh", "-c", command, nullptr};
  const char* environment[] = {"PATH=/usr/bin:/bin", nullptr};
  SpawnRequest request;
  request.executable = "/bin/sh";
  request.argv = const_cast<char* const*>(argv);
  request.environment = const_cast<char* const*>(environment);
  request.tag = tag;
  return spawner.spawn(request);
}

void await_end(const Spawned& process) {
  pollfd wait{process.pidfd.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 20000), 1);
}

TEST(Processes, AnExitCanBePeekedAtBeforeItIsReaped) {
  Spawner spawner;
  const Spawned process = start(spawner, "exit 7");
  ASSERT_TRUE(process.ok());
  await_end(process);
  for (int time = 0; time < 2; ++time) {
    const std::optional<ProcessExit> ended = peek_exit(process.pidfd.get());
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->status, ExitStatus::of_code(7));
    EXPECT_EQ(ended->pid, process.pid);
    EXPECT_GT(ended->max_rss_kib, 0);
  }
  EXPECT_TRUE(reap(process.pidfd.get()));
  EXPECT_FALSE(reap(process.pidfd.get()));
  EXPECT_FALSE(signal_process(process.pidfd.get(), 0));
}

TEST(Processes, ASignalIsReportedAsSuch) {
  Spawner spawner;
  const Spawned process = start(spawner, "kill -9 $$");
  ASSERT_TRUE(process.ok());
  await_end(process);
  EXPECT_EQ(peek_exit(process.pidfd.get())->status, ExitStatus::of_signal(SIGKILL));
  EXPECT_TRUE(reap(process.pidfd.get()));
}

TEST(Processes, ATagIsReadFromTheLivingAndFromZombies) {
  Spawner spawner;
  const Tag tag{65537, own_tag().space};
  const Spawned process = start(spawner, "kill -STOP $$", tag);
  ASSERT_TRUE(process.ok());
  EXPECT_EQ(tag_of(process.pid), tag);
  ASSERT_TRUE(signal_process(process.pidfd.get(), SIGKILL));
  await_end(process);
  EXPECT_EQ(tag_of(process.pid), tag);
  EXPECT_TRUE(stat_of(process.pid)->ended());
  EXPECT_TRUE(reap(process.pidfd.get()));
  EXPECT_EQ(tag_of(process.pid), std::nullopt);
}

TEST(Processes, StatNamesParentGroupAndSession) {
  const std::optional<ProcessStat> stat = stat_of(::getpid());
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->parent, ::getppid());
  EXPECT_EQ(stat->group, ::getpgrp());
  EXPECT_EQ(stat->session, ::getsid(0));
  EXPECT_GT(stat->start_ticks, 0U);
  EXPECT_FALSE(stat->ended());
}

TEST(Processes, AllPidsHoldOurs) {
  const std::vector<pid_t> pids = all_pids();
  EXPECT_NE(std::find(pids.begin(), pids.end(), ::getpid()), pids.end());
}

TEST(Processes, TheCommandLineIsSplitWhereItWasJoined) {
  Spawner spawner;
  const Spawned process = start(spawner, "kill -STOP $$; echo 'a b'");
  ASSERT_TRUE(process.ok());
  while (stat_of(process.pid)->state != 'T') {
  }
  const std::vector<std::string> words = command_line_of(process.pid);
  EXPECT_EQ(words, (std::vector<std::string>{"sh", "-c", "kill -STOP $$; echo 'a b'"}));
  ASSERT_TRUE(signal_process(process.pidfd.get(), SIGKILL));
  await_end(process);
  EXPECT_TRUE(reap(process.pidfd.get()));
}

TEST(Processes, TheLastPidIsAtLeastThatOfAProcessJustStarted) {
  const Fd loadavg{::open("/proc/loadavg", O_RDONLY | O_CLOEXEC)};
  Spawner spawner;
  for (int tries = 0; tries < 10; ++tries) {
    const std::optional<pid_t> before = last_pid(loadavg.get());
    const Spawned process = start(spawner, "exit 0");
    ASSERT_TRUE(process.ok());
    const std::optional<pid_t> after = last_pid(loadavg.get());
    await_end(process);
    EXPECT_TRUE(reap(process.pidfd.get()));
    ASSERT_TRUE(before && after);
    if (*before < process.pid && process.pid <= *after) {
      return;  // Else the numbers wrapped around just now.
    }
  }
  FAIL() << "the last pid does not follow what is started";
}

TEST(Processes, AStrangersExitIsKnownWhereTheKernelTellsIt) {
  Spawner spawner;
  const Spawned process = start(spawner, "exit 9");
  ASSERT_TRUE(process.ok());
  await_end(process);
  EXPECT_TRUE(reap(process.pidfd.get()));
  const std::optional<ExitStatus> status = exit_seen_from_outside(process.pidfd.get());
  if (status) {
    EXPECT_EQ(*status, ExitStatus::of_code(9));
  }
}

}  // namespace
}  // namespace cattino::sys
