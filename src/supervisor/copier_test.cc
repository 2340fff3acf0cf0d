// Logs with a limit, with the real supervisor and the real copier.
#include "supervisor/copier.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "supervisor/test_program.h"
#include "sys/cgroup.h"

namespace cattino::supervisor {
namespace {

class LogsWithALimit : public testing::Test {
 protected:
  LogsWithALimit() {
    process_.start();
    daemon_.emplace(process_);
    daemon_->synced();
  }

  Exited run(std::uint64_t key, const std::string& command, std::uint64_t limit) {
    Spawn spawn = daemon_->request(key, command);
    spawn.log_limit = limit;
    daemon_->send(spawn);
    return daemon_->await_exit(key);
  }

  /// What still copies into logs of this test.
  [[nodiscard]] std::size_t copiers() const {
    const std::vector<pid_t> pids = sys::all_pids();
    return static_cast<std::size_t>(std::count_if(pids.begin(), pids.end(), [this](pid_t pid) {
      const std::vector<std::string> words = sys::command_line_of(pid);
      const std::optional<sys::ProcessStat> stat = sys::stat_of(pid);
      return words.size() == 4 && words[1] == "--copy-logs" && stat && !stat->ended() &&
             words[3].starts_with(process_.directory().path());
    }));
  }

  TestProgram process_;
  std::optional<TestDaemon> daemon_;
};

constexpr std::uint64_t plenty = 100U << 20U;

TEST_F(LogsWithALimit, EndThereAndSaySoWhileTheTaskGoesOn) {
  const Exited exited =
      run(1, "yes | head -c 1000000 && echo more && echo words >&2; exit 3", 1000);
  EXPECT_EQ(exited.status, ExitStatus::of_code(3));
  const std::string log = process_.text_of("1.out");
  std::string expected;
  for (int line = 0; line < 500; ++line) {
    expected += "y\n";
  }
  EXPECT_EQ(
      log,
      expected +
          "cattino: the log ends here: it has reached its limit of 1000 bytes; the task goes on\n");
  EXPECT_EQ(process_.text_of("1.err"), "words\n") << "each log has a limit of its own";
}

TEST_F(LogsWithALimit, AreWholeWhenTheExitIsTold) {
  EXPECT_TRUE(run(1, "seq 1 200000; echo end >&2", plenty).status.ok());
  const std::string log = process_.text_of("1.out");
  EXPECT_EQ(log.size(), 1288895U);
  EXPECT_TRUE(log.ends_with("\n200000\n"));
  EXPECT_EQ(process_.text_of("1.err"), "end\n");
  EXPECT_EQ(copiers(), 0U);
}

TEST_F(LogsWithALimit, TakeExactlySoMuchWithoutAWord) {
  EXPECT_TRUE(run(1, "printf 12345", 5).status.ok());
  EXPECT_EQ(process_.text_of("1.out"), "12345");
  EXPECT_TRUE(run(2, "printf 123456", 5).status.ok());
  EXPECT_TRUE(process_.text_of("2.out").starts_with("12345\ncattino: the log ends here"));
}

TEST_F(LogsWithALimit, OneFileForBothKeepsTheirOrder) {
  Spawn spawn = daemon_->request(1, "for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo -$i >&2; done");
  spawn.stderr_path = spawn.stdout_path;
  spawn.log_limit = plenty;
  daemon_->send(spawn);
  EXPECT_TRUE(daemon_->await_exit(1).status.ok());
  EXPECT_EQ(
      process_.text_of("1.out"), "1\n-1\n2\n-2\n3\n-3\n4\n-4\n5\n-5\n6\n-6\n7\n-7\n8\n-8\n9\n-9\n");
}

TEST_F(LogsWithALimit, SayWhyATaskNeverStarted) {
  Spawn spawn = daemon_->request(1, "");
  spawn.argv = {"no-such-program"};
  spawn.log_limit = plenty;
  daemon_->send(spawn);
  EXPECT_EQ(daemon_->await_exit(1).status, ExitStatus::of_stage(StartStage::executable, ENOENT));
  EXPECT_NE(process_.text_of("1.err").find("no-such-program"), std::string::npos);
}

TEST_F(LogsWithALimit, OutliveTheSupervisor) {
  TestFifo started{process_, "started"};
  TestFifo gate{process_, "gate"};
  Spawn spawn = daemon_->request(
      1,
      "echo before; echo > started; read line < gate; echo after && echo still >&2 && echo well > "
      "done");
  spawn.log_limit = plenty;
  daemon_->send(spawn);
  daemon_->await_started(1);
  started.hear();
  process_.signal(SIGKILL);
  process_.await_status();
  gate.say("go");
  EXPECT_EQ(process_.await_text("done"), "well\n") << "a broken pipe would have ended it";
  EXPECT_EQ(process_.await_text("1.err"), "still\n");
  EXPECT_EQ(process_.text_of("1.out"), "before\nafter\n");
}

TEST_F(LogsWithALimit, AreNoPartOfTheTreeThatIsStopped) {
  TestFifo started{process_, "started"};
  // No `sh -c`: of that the commands would be told first.
  process_.write(
      "task",
      "#!/bin/sh\ntrap 'echo bye; exit 4' TERM\necho > started\nwhile :; do sleep 1000 & wait; "
      "done\n",
      0755);
  Spawn spawn = daemon_->request(1, "");
  spawn.argv = {process_.directory() / "task"};
  spawn.log_limit = plenty;
  daemon_->send(spawn);
  started.hear();
  daemon_->send(Stop{1, SIGTERM, Duration::seconds(10)});
  EXPECT_EQ(daemon_->await_exit(1).status, ExitStatus::of_code(4));
  EXPECT_EQ(process_.text_of("1.out"), "bye\n");
  EXPECT_EQ(TestProgram::living_with_key(1), 0U);
  EXPECT_EQ(copiers(), 0U);
}

TEST_F(LogsWithALimit, DoNotHoldBackAnExitForStrangersThatKeepThePipe) {
  // Without its tag, and back in our cgroup, the sleeper is nobody's, but it has the task's stdout.
  TestFifo gate{process_, "gate"};
  const Exited exited = run(
      1,
      "mkfifo free; bash -c 'ulimit -S -x 7; echo $$ > " + sys::own_cgroup() +
          "/cgroup.procs; echo > free; read line < gate; echo late' 2>/dev/null & read line < free",
      plenty);
  EXPECT_TRUE(exited.status.ok());
  EXPECT_EQ(copiers(), 1U);
  gate.say("go");
  EXPECT_EQ(process_.await_text("1.out"), "late\n");
}

}  // namespace
}  // namespace cattino::supervisor
