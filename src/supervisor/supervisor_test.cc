// The supervisor as a real process, spoken to over its socket.
#include <algorithm>
#include <cerrno>
#include <csignal>

#include <gtest/gtest.h>

#include "supervisor/test_program.h"

namespace cattino::supervisor {
namespace {

class SupervisorProcess : public testing::Test {
 protected:
  SupervisorProcess() { process_.start(); }

  TestProgram process_;
};

TEST_F(SupervisorProcess, WelcomesADaemonAndHasNothingToTell) {
  TestDaemon daemon{process_};
  const Welcome welcome = daemon.hello();
  EXPECT_EQ(welcome.version, protocol_version);
  EXPECT_EQ(welcome.epoch, 42U);
  EXPECT_EQ(welcome.boot_id.size(), 36U);
  EXPECT_FALSE(welcome.complete) << "there was no journal";
  EXPECT_TRUE(daemon.await_synced().empty());
}

TEST_F(SupervisorProcess, TellsADaemonOfAnotherProtocolItsVersionAndNoMore) {
  TestDaemon daemon{process_};
  daemon.synced();
  TestDaemon stranger{process_};
  const Welcome welcome = stranger.hello(protocol_version + 1);
  EXPECT_EQ(welcome.version, protocol_version);
  EXPECT_FALSE(welcome.program.empty());
  daemon.spawn(1, "exit 3");
  EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_code(3)) << "the first one is served";
}

TEST_F(SupervisorProcess, ReportsCodesAndSignals) {
  TestDaemon daemon{process_};
  daemon.synced();
  daemon.spawn(1, "exit 0");
  daemon.spawn(2, "exit 3");
  daemon.spawn(3, "kill -9 $$");
  EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_code(0));
  EXPECT_EQ(daemon.await_exit(2).status, ExitStatus::of_code(3));
  const Exited killed = daemon.await_exit(3);
  EXPECT_EQ(killed.status, ExitStatus::of_signal(SIGKILL));
  EXPECT_GT(killed.pid, 0);
  EXPECT_GT(killed.at.us, 0);
  EXPECT_GT(killed.max_rss_kib, 0);
}

TEST_F(SupervisorProcess, WritesLogsIntoANewDirectoryAndAppends) {
  TestDaemon daemon{process_};
  daemon.synced();
  Spawn spawn = daemon.request(1, "echo out; echo err >&2; echo $SHARED $OWN; umask");
  spawn.stdout_path = process_.directory() / "deep/er/stdout.log";
  spawn.stderr_path = process_.directory() / "deep/er/stderr.log";
  spawn.umask = 077;
  spawn.environment = 7;
  spawn.variables = {"OWN=mine"};
  daemon.send(DefineEnvironment{7, {"PATH=/usr/bin:/bin", "SHARED=ours", "OWN=theirs"}});
  daemon.send(spawn);
  EXPECT_TRUE(daemon.await_exit(1).status.ok());
  EXPECT_EQ(process_.text_of("deep/er/stdout.log"), "out\nours mine\n0077\n");
  EXPECT_EQ(process_.text_of("deep/er/stderr.log"), "err\n");
  spawn.key = 2;
  daemon.send(spawn);
  EXPECT_TRUE(daemon.await_exit(2).status.ok());
  EXPECT_EQ(process_.text_of("deep/er/stderr.log"), "err\nerr\n");
}

TEST_F(SupervisorProcess, NamesTheStageAtWhichAStartFailed) {
  TestDaemon daemon{process_};
  daemon.synced();
  Spawn missing = daemon.request(1, "");
  missing.argv = {"no-such-program"};
  daemon.send(missing);
  EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_stage(StartStage::executable, ENOENT));
  EXPECT_NE(process_.text_of("1.err").find("no-such-program"), std::string::npos);
  Spawn nowhere = daemon.request(2, "true");
  nowhere.directory = "/nowhere/at/all";
  daemon.send(nowhere);
  EXPECT_EQ(
      daemon.await_exit(2).status, ExitStatus::of_stage(StartStage::working_directory, ENOENT));
  Spawn unloggable = daemon.request(3, "true");
  unloggable.stdout_path = "/proc/nowhere/out";
  daemon.send(unloggable);
  const ExitStatus status = daemon.await_exit(3).status;
  EXPECT_EQ(status.kind, ExitStatus::Kind::not_started);
  EXPECT_EQ(status.stage, StartStage::logs);
  Spawn impossible = daemon.request(4, "true");
  impossible.limits = {{7, 20, 10}};
  daemon.send(impossible);
  EXPECT_EQ(daemon.await_exit(4).status, ExitStatus::of_stage(StartStage::limits, EINVAL));
}

TEST_F(SupervisorProcess, AScriptWithoutAnInterpreterIsRunByTheShell) {
  TestDaemon daemon{process_};
  daemon.synced();
  process_.write("script", "echo by shell $1\n", 0700);
  Spawn spawn = daemon.request(1, "");
  spawn.argv = {"./script", "word"};
  daemon.send(spawn);
  EXPECT_TRUE(daemon.await_exit(1).status.ok());
  EXPECT_EQ(process_.text_of("1.out"), "by shell word\n");
}

TEST_F(SupervisorProcess, AKeyIsNeverStartedTwice) {
  TestDaemon daemon{process_};
  daemon.synced();
  daemon.spawn(1, "echo once");
  daemon.spawn(1, "echo once");
  EXPECT_TRUE(daemon.await_exit(1).status.ok());
  daemon.spawn(1, "echo once");
  EXPECT_TRUE(daemon.await_exit(1).status.ok());
  EXPECT_EQ(process_.text_of("1.out"), "once\n");
}

TEST_F(SupervisorProcess, ADaemonThatReturnsHearsAgainWhatItHasNotAcknowledged) {
  TestFifo fifo{process_, "go"};
  {
    TestDaemon daemon{process_};
    daemon.synced();
    daemon.spawn(1, "exit 5");
    daemon.spawn(2, "exit 6");
    daemon.spawn(3, "read line < go; exit 7");
    daemon.await_exit(1);
    daemon.await_exit(2);
    daemon.await_started(3);
    daemon.send(Acknowledge{1});
    daemon.send(Stop{99});  // Answered in order: the acknowledgement has been taken.
    EXPECT_EQ(daemon.await_exit(99).status, ExitStatus::of_lost());
    daemon.send(Acknowledge{99});
  }
  TestDaemon daemon{process_};
  daemon.hello();
  const std::vector<FromSupervisor> known = daemon.await_synced();
  ASSERT_EQ(known.size(), 2U);
  for (const FromSupervisor& message : known) {
    if (const Exited* exited = std::get_if<Exited>(&message)) {
      EXPECT_EQ(exited->key, 2U);
      EXPECT_EQ(exited->status, ExitStatus::of_code(6));
    } else {
      EXPECT_EQ(std::get<Started>(message).key, 3U);
    }
  }
  fifo.say("go");
  EXPECT_EQ(daemon.await_exit(3).status, ExitStatus::of_code(7));
}

TEST_F(SupervisorProcess, ASecondDaemonTakesTheFirstOnesPlace) {
  TestDaemon first{process_};
  first.synced();
  TestDaemon second{process_};
  second.synced();
  EXPECT_TRUE(first.await_end());
  second.spawn(1, "true");
  EXPECT_TRUE(second.await_exit(1).status.ok());
}

TEST_F(SupervisorProcess, AnUnknownKeyToStopIsLost) {
  TestDaemon daemon{process_};
  daemon.synced();
  daemon.send(Stop{5});
  EXPECT_EQ(daemon.await_exit(5).status, ExitStatus::of_lost());
}

TEST_F(SupervisorProcess, AStopThatOvertakesTheStartLeavesNoProcess) {
  TestDaemon daemon{process_};
  daemon.synced();
  for (std::uint64_t key = 1; key <= 20; ++key) {
    daemon.queue(daemon.request(key, "exec sleep 1000"));
    daemon.queue(Stop{key});
  }
  daemon.flush();
  for (std::uint64_t key = 1; key <= 20; ++key) {
    EXPECT_EQ(daemon.await_exit(key).status, ExitStatus::of_signal(SIGTERM)) << key;
  }
}

TEST_F(SupervisorProcess, StopSignalsTheCommandOfOurShellBeforeTheShell) {
  TestDaemon daemon{process_};
  daemon.synced();
  process_.write(
      "trainer",
      "#!/bin/sh\ntrap 'echo saved; exit 9' TERM\necho ready > ready\nwhile :; do sleep 0.01; "
      "done\n",
      0700);
  TestFifo ready{process_, "ready"};
  daemon.spawn(1, "./trainer && true");
  EXPECT_EQ(ready.hear(), "ready\n");
  daemon.send(Stop{1});
  daemon.await_exit(1);
  EXPECT_EQ(process_.text_of("1.out"), "saved\n");
}

TEST_F(SupervisorProcess, StopEndsWhatFledIntoOtherSessionsAndIgnoresSigterm) {
  TestDaemon daemon{process_};
  daemon.synced();
  process_.write(
      "escapee", "#!/bin/sh\ntrap '' TERM\necho $$ > pids\nwhile :; do sleep 1000; done\n", 0700);
  TestFifo pids{process_, "pids"};
  daemon.spawn(1, "(setsid env -i ./escapee &) ; (setsid ./escapee &); exec sleep 1000");
  std::string heard;
  while (std::count(heard.begin(), heard.end(), '\n') < 2) {
    heard += pids.hear();
  }
  daemon.send(Stop{1, SIGTERM, Duration::milliseconds(1)});
  EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_signal(SIGTERM));
  EXPECT_EQ(process_.living_with_key(1), 0U);
}

TEST_F(SupervisorProcess, AStopBySigkillEndsATreeAtOnce) {
  TestDaemon daemon{process_};
  daemon.synced();
  TestFifo ready{process_, "ready"};
  daemon.spawn(
      1, "trap '' TERM; (setsid sleep 1000 &); echo ready > ready; sleep 1000; sleep 1000");
  ready.hear();
  daemon.send(Stop{1, SIGKILL});
  EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_signal(SIGKILL));
  EXPECT_EQ(process_.living_with_key(1), 0U);
}

TEST_F(SupervisorProcess, AStoppedProcessHearsThatItIsToEnd) {
  TestDaemon daemon{process_};
  daemon.synced();
  TestFifo ready{process_, "ready"};
  daemon.spawn(1, "trap 'exit 9' TERM; (kill -STOP $$; echo ready > ready) & while :; do :; done");
  ready.hear();
  daemon.send(Stop{1});
  EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_code(9));
}

TEST_F(SupervisorProcess, WhatIsLeftOverByATaskThatEndedIsEndedAndSaid) {
  TestDaemon daemon{process_};
  daemon.synced();
  daemon.spawn(1, "(setsid sleep 1000 &) ; exit 4");
  EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_code(4));
  EXPECT_EQ(process_.living_with_key(1), 0U);
  EXPECT_NE(
      process_.await_text("1.err").find("1 process it left running is now ended"),
      std::string::npos);
}

TEST_F(SupervisorProcess, AStopCutsTheGraceOfWhatIsLeftOverShort) {
  TestDaemon daemon{process_};
  daemon.synced();
  TestFifo ready{process_, "ready"};
  daemon.spawn(1, "(setsid sh -c 'echo ready > ready; exec sleep 1000' &) ; exit 4");
  ready.hear();
  daemon.send(Stop{1});
  const Time before = sys::Clock{}.now();
  EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_code(4));
  EXPECT_LT(sys::Clock{}.now() - before, Duration::seconds(4));
  EXPECT_EQ(process_.living_with_key(1), 0U);
}

TEST_F(SupervisorProcess, AHostsProcessesAreItsOwnBusiness) {
  TestDaemon daemon{process_};
  daemon.synced();
  const std::uint64_t key = HostKey{SubmissionId{3}, 1}.key();
  TestFifo end{process_, "end"};
  daemon.spawn(key, "(setsid sh -c 'read line < end' &) ; exit 0");
  EXPECT_TRUE(daemon.await_exit(key).status.ok());
  end.say("end");
}

TEST_F(SupervisorProcess, AnAdoptedChildIsReportedByItsHost) {
  TestDaemon daemon{process_};
  daemon.synced();
  TestHost host;
  const pid_t pid = host.start("exit 8");
  TestDaemon child{process_};
  child.send(Hello{protocol_version, Role::child});
  child.send(Adopt{5, pid});
  EXPECT_TRUE(child.await_adopted(5));
  EXPECT_EQ(daemon.await_started(5).pid, pid);
  TestDaemon again{process_};
  again.send(Adopt{5, pid + 1});
  EXPECT_FALSE(again.await_adopted(5));
  host.await_end();
  child.send(ChildExited{5, ExitStatus::of_code(8)});
  EXPECT_EQ(daemon.await_exit(5).status, ExitStatus::of_code(8));
}

TEST_F(SupervisorProcess, AnAdoptedChildWhoseHostSaysNothingIsReadFromItsZombie) {
  TestDaemon daemon{process_};
  daemon.synced();
  TestHost host;
  const pid_t pid = host.start("exit 8");
  daemon.send(Adopt{5, pid});
  EXPECT_EQ(daemon.await_exit(5).status, ExitStatus::of_code(8));
}

TEST_F(SupervisorProcess, NothingStaysBehindAndNothingIsForgottenWhenItLeaves) {
  {
    TestDaemon daemon{process_};
    daemon.synced();
    daemon.spawn(1, "exec sleep 1000");
    daemon.spawn(2, "trap '' TERM INT HUP; exit 2");
    daemon.await_started(1);
    daemon.await_exit(2);
    daemon.send(Leave{});
    EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_signal(SIGTERM));
    EXPECT_EQ(process_.await_status(), ExitStatus::of_code(0));
  }
  process_.start();
  TestDaemon daemon{process_};
  daemon.hello();
  EXPECT_EQ(daemon.await_synced().size(), 2U);
}

TEST_F(SupervisorProcess, SigtermDoesNotEndItWhileATaskRuns) {
  TestFifo fifo{process_, "go"};
  TestDaemon daemon{process_};
  daemon.synced();
  daemon.spawn(1, "read line < go; exit 7");
  daemon.await_started(1);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT}) {
    process_.signal(signal);
  }
  fifo.say("go");
  EXPECT_EQ(daemon.await_exit(1).status, ExitStatus::of_code(7));
  process_.signal(SIGTERM);
  EXPECT_EQ(process_.await_status(), ExitStatus::of_code(0));
}

TEST_F(SupervisorProcess, AfterItsDeathTheNextOneFindsWhatStillRuns) {
  TestFifo fifo{process_, "go"};
  pid_t pid = 0;
  {
    TestDaemon daemon{process_};
    daemon.synced();
    daemon.spawn(1, "read line < go; exit 7");
    daemon.spawn(2, "exit 3");
    daemon.await_exit(2);
    pid = daemon.await_started(1).pid;
  }
  process_.signal(SIGKILL);
  EXPECT_EQ(process_.await_status(), ExitStatus::of_signal(SIGKILL));
  process_.start();
  TestDaemon daemon{process_};
  daemon.synced();
  EXPECT_EQ(daemon.await_started(1).pid, pid);
  EXPECT_EQ(daemon.await_exit(2).status, ExitStatus::of_code(3));
  daemon.spawn(1, "echo twice > twice");
  daemon.send(Stop{1, SIGKILL});
  // Its new parent reaps it, and no guardian tells: known from its zombie or the kernel, or lost.
  const ExitStatus status = daemon.await_exit(1).status;
  EXPECT_TRUE(status == ExitStatus::of_signal(SIGKILL) || status == ExitStatus::of_lost());
  EXPECT_FALSE(process_.exists("twice"));
}

TEST_F(SupervisorProcess, AfterItsDeathTheNextOneReadsTheEndOfAChildThatItsHostHasNotReaped) {
  TestFifo fifo{process_, "go"};
  TestHost host;
  const pid_t pid = host.start("read line < " + (process_.directory() / "go") + "; exit 8", 5);
  {
    TestDaemon child{process_};
    child.send(Hello{protocol_version, Role::child});
    child.send(Adopt{5, pid});
    EXPECT_TRUE(child.await_adopted(5));
  }
  process_.signal(SIGKILL);
  EXPECT_EQ(process_.await_status(), ExitStatus::of_signal(SIGKILL));
  fifo.say("go");
  host.await_end();
  process_.start();
  TestDaemon daemon{process_};
  daemon.synced();
  EXPECT_EQ(daemon.await_exit(5).status, ExitStatus::of_code(8));
  TestDaemon again{process_};
  again.send(ChildExited{5, ExitStatus::of_code(9)});  // a repeat changes nothing …
  again.send(Adopt{5, 0});                             // … and this only asks whether it was read
  EXPECT_FALSE(again.await_adopted(5));
  daemon.send(Acknowledge{5});
  again.send(Adopt{5, 0});
  EXPECT_FALSE(again.await_adopted(5));
}

TEST_F(SupervisorProcess, ABrokenConnectionIsClosedAndHarmsNobody) {
  TestDaemon daemon{process_};
  daemon.synced();
  TestDaemon stranger{process_};
  stranger.send_bytes(std::string(100, '\xff'));
  EXPECT_TRUE(stranger.await_end());
  daemon.spawn(1, "true");
  EXPECT_TRUE(daemon.await_exit(1).status.ok());
}

TEST_F(SupervisorProcess, ThousandTasksAllComeBack) {
  TestDaemon daemon{process_};
  daemon.synced();
  constexpr std::uint64_t count = 1000;
  for (std::uint64_t key = 1; key <= count; ++key) {
    Spawn spawn = daemon.request(key, "");
    spawn.argv = {"true"};
    spawn.stdout_path = process_.directory() / "shared.log";
    spawn.stderr_path = spawn.stdout_path;
    daemon.queue(spawn);
  }
  daemon.flush();
  for (std::uint64_t key = 1; key <= count; ++key) {
    ASSERT_TRUE(daemon.await_exit(key).status.ok()) << key;
  }
}

// ---- starts held behind others ----------------------------------------------------------------------

class HeldStarts : public SupervisorProcess {
 protected:
  HeldStarts() { daemon_.synced(); }

  void spawn_after(std::uint64_t key, std::uint64_t after, const std::string& command = "true") {
    Spawn spawn = daemon_.request(key, command);
    spawn.after = after;
    daemon_.send(spawn);
  }
  /// Key 1 runs until the pipe hears a line.
  void spawn_front() { daemon_.spawn(1, "read line < pipe"); }

  TestDaemon daemon_{process_};
  TestFifo pipe_{process_, "pipe"};
};

TEST_F(HeldStarts, BeginOneAfterTheOtherWithoutAsking) {
  spawn_front();
  spawn_after(2, 1, "echo second");
  spawn_after(3, 2, "echo third; cat 2.out");
  daemon_.spawn(9, "true");
  EXPECT_TRUE(daemon_.await_exit(9).status.ok());
  EXPECT_FALSE(process_.exists("2.out"));
  pipe_.say("go");
  EXPECT_TRUE(daemon_.await_exit(1).status.ok());
  EXPECT_TRUE(daemon_.await_exit(2).status.ok());
  EXPECT_TRUE(daemon_.await_exit(3).status.ok());
  EXPECT_EQ(process_.text_of("3.out"), "third\nsecond\n");
}

TEST_F(HeldStarts, BeginAtOnceBehindWhatIsGone) {
  spawn_after(2, 77);
  EXPECT_TRUE(daemon_.await_exit(2).status.ok());
}

TEST_F(HeldStarts, AreTakenBackAndCanBeAskedForAgain) {
  spawn_front();
  spawn_after(2, 1, "echo second");
  spawn_after(3, 2, "echo third");
  daemon_.send(Recall{2});
  daemon_.await_recalled(2);
  daemon_.send(Recall{4711});
  daemon_.await_recalled(4711);
  daemon_.send(Recall{1});  // It runs: nothing is answered.
  pipe_.say("go");
  EXPECT_TRUE(daemon_.await_exit(1).status.ok());
  EXPECT_TRUE(daemon_.await_exit(3).status.ok());
  EXPECT_FALSE(process_.exists("2.out"));
  daemon_.spawn(2, "echo again");
  EXPECT_TRUE(daemon_.await_exit(2).status.ok());
  EXPECT_EQ(process_.text_of("2.out"), "again\n");
}

TEST_F(HeldStarts, AreStoppedWithoutBeginning) {
  spawn_front();
  spawn_after(2, 1, "echo second");
  spawn_after(3, 2, "echo third");
  daemon_.send(Stop{2});
  EXPECT_EQ(daemon_.await_exit(2).status, ExitStatus::of_signal(SIGTERM));
  pipe_.say("go");
  EXPECT_TRUE(daemon_.await_exit(3).status.ok());
  EXPECT_FALSE(process_.exists("2.out"));
}

TEST_F(HeldStarts, GoOnWhenTheOneInFrontCannotStart) {
  spawn_front();
  Spawn missing = daemon_.request(2, "");
  missing.argv = {"no-such-program"};
  missing.after = 1;
  daemon_.send(missing);
  spawn_after(3, 2, "echo third");
  pipe_.say("go");
  EXPECT_EQ(daemon_.await_exit(2).status.stage, StartStage::executable);
  EXPECT_TRUE(daemon_.await_exit(3).status.ok());
}

TEST_F(HeldStarts, AreToldOfToTheNextDaemon) {
  spawn_front();
  daemon_.await_started(1);
  spawn_after(2, 1);
  daemon_.spawn(9, "true");
  EXPECT_TRUE(daemon_.await_exit(9).status.ok());
  daemon_.send(Acknowledge{9});
  TestDaemon next{process_};
  next.hello();
  const std::vector<FromSupervisor> known = next.await_synced();
  const bool queued = std::any_of(known.begin(), known.end(), [](const FromSupervisor& message) {
    const auto* told = std::get_if<Queued>(&message);
    return told != nullptr && told->key == 2;
  });
  EXPECT_TRUE(queued);
  pipe_.say("go");
  EXPECT_TRUE(next.await_exit(2).status.ok());
}

TEST_F(HeldStarts, AreForgottenBySupervisorsThatDie) {
  spawn_front();
  spawn_after(2, 1, "echo second");
  daemon_.await_started(1);
  process_.signal(SIGKILL);
  process_.await_status();
  process_.start();
  TestDaemon next{process_};
  EXPECT_TRUE(next.hello().complete);
  EXPECT_EQ(next.await_synced().size(), 1U) << "only the one that runs";
  Spawn again = next.request(2, "echo second");
  again.after = 1;
  next.send(again);
  pipe_.say("go");
  EXPECT_TRUE(next.await_exit(2).status.ok());
}

}  // namespace
}  // namespace cattino::supervisor
