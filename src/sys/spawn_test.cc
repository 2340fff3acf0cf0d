// Spawning: what the child gets, and what is said of failures.
#include "sys/spawn.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/files.h"
#include "sys/test_directory.h"

namespace cattino::sys {
namespace {

/// Runs a shell command by both ways of spawning.
class Spawn : public testing::TestWithParam<bool> {
 protected:
  Spawn() {
    if (GetParam()) {
      spawner_.use_fallback();
    }
    request_.directory = directory_.path().c_str();
  }

  Spawned start(const std::string& command) {
    const char* argv[] = {"sh", "-c", command.c_str(), nullptr};
    const char* environment[] = {"ONLY=this", "PATH=/usr/bin:/bin", nullptr};
    if (request_.executable == nullptr) {
      request_.executable = "/bin/sh";
    }
    request_.argv = const_cast<char* const*>(argv);
    request_.environment = const_cast<char* const*>(environment);
    return spawner_.spawn(request_);
  }

  /// What `command` writes, once it has ended.
  std::string output_of(const std::string& command) {
    const std::string path = directory_ / "out";
    const Fd out{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    request_.stdout_fd = out.get();
    request_.stderr_fd = out.get();
    const Spawned process = start(command);
    EXPECT_TRUE(process.ok()) << name(process.failed_stage) << process.error_number;
    if (!process.ok()) {
      return {};
    }
    pollfd wait{process.pidfd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&wait, 1, 20000), 1);
    EXPECT_TRUE(reap(process.pidfd.get()));
    const Result<std::string> text = read_file(path);
    return text ? *text : std::string{};
  }

  TestDirectory directory_;
  Spawner spawner_;
  SpawnRequest request_;
};

#ifdef __SANITIZE_THREAD__
// It makes vfork() a fork(): what a child writes of its failure does not reach us.
INSTANTIATE_TEST_SUITE_P(OneWay, Spawn, testing::Values(false));
#else
INSTANTIATE_TEST_SUITE_P(BothWays, Spawn, testing::Values(false, true));
#endif

TEST_P(Spawn, TheChildHasItsDirectoryUmaskAndEnvironmentAndNoOther) {
  request_.umask = 027;
  EXPECT_EQ(
      output_of(
          "pwd; umask; echo $ONLY; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | wc -l"),
      directory_.path() + "\n0027\nthis\n2\n");
}

TEST_P(Spawn, TheChildLeadsASessionAndReadsNothing) {
  EXPECT_EQ(
      output_of("set -- $(cat /proc/$$/stat); test $1 = $5 && test $1 = $6 && cat && echo good"),
      "good\n");
}

TEST_P(Spawn, NoDescriptorIsInheritedButThoseThatArePassed) {
  const Fd inherited{::open("/dev/null", O_RDONLY)};  // NOLINT(android-cloexec-open)
  close_all_on_exec();
  const std::string list =
      "n=0; while [ $n -lt 300 ]; do [ -e /proc/$$/fd/$n ] && printf '%d ' $n; n=$((n+1)); done";
  const Fd open_one{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  EXPECT_EQ(output_of(list), "0 1 2 ");
  const PassedFd passed[] = {{open_one.get(), 3}, {open_one.get(), 4}};
  request_.passed = passed;
  EXPECT_EQ(output_of(list), "0 1 2 3 4 ");
}

TEST_P(Spawn, DescriptorsMaySwapTheirNumbers) {
  const TestDirectory files;
  ASSERT_TRUE(write_file_atomically(files / "a", "a"));
  ASSERT_TRUE(write_file_atomically(files / "b", "b"));
  const Fd first{::open((files / "a").c_str(), O_RDONLY | O_CLOEXEC)};
  const Fd second{::open((files / "b").c_str(), O_RDONLY | O_CLOEXEC)};
  const PassedFd passed[] = {{first.get(), second.get()}, {second.get(), first.get()}};
  request_.passed = passed;
  ASSERT_LT(std::max(first.get(), second.get()), 10);
  EXPECT_EQ(
      output_of("cat <&" + std::to_string(second.get()) + "; cat <&" + std::to_string(first.get())),
      "ab");
}

TEST_P(Spawn, LimitsAreSetAndTheTagIsOneOfThem) {
  const ResourceLimit limits[] = {
      {RLIMIT_NOFILE, 77, 88}, {RLIMIT_CORE, 0, 0}, {RLIMIT_LOCKS, 1, 1}};
  request_.limits = limits;
  request_.tag = {4711 << 16 | 1, own_tag().space};
  EXPECT_EQ(
      output_of(
          "ulimit -Sn; ulimit -Hn; ulimit -c; awk '/file locks/ {print $4}' /proc/self/limits"),
      "77\n88\n0\n308740097\n");
}

TEST_P(Spawn, TheTagOutlivesSetsidAndAnEmptiedEnvironment) {
  request_.tag = {65537, own_tag().space};
  EXPECT_EQ(
      output_of("setsid -w env -i /bin/sh -c 'grep locks /proc/self/limits' | awk '{print $4}'"),
      "65537\n");
}

TEST_P(Spawn, SignalsAreNeitherIgnoredNorBlocked) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  void (*const old)(int) = ::signal(SIGPIPE, SIG_IGN);
  void (*const old_user)(int) = ::signal(SIGUSR2, [](int) {});
  spawner_ = Spawner{};
  if (GetParam()) {
    spawner_.use_fallback();
  }
  EXPECT_EQ(
      output_of("cat /proc/self/status | awk '/SigBlk|SigIgn|SigCgt/ {print $2}' | sort -u"),
      "0000000000000000\n");
  ::signal(SIGPIPE, old);
  ::signal(SIGUSR2, old_user);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_P(Spawn, OurOwnSignalMaskIsAsBefore) {
  sigset_t before;
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  output_of("true");
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < 32; ++signal) {
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
  }
}

TEST_P(Spawn, AMissingDirectoryIsNamedAsTheStage) {
  request_.directory = "/nowhere/at/all";
  const Spawned process = start("true");
  EXPECT_EQ(process.failed_stage, StartStage::working_directory);
  EXPECT_EQ(process.error_number, ENOENT);
  EXPECT_FALSE(process.pidfd);
}

TEST_P(Spawn, AFileThatIsNoProgramFailsAtExec) {
  const std::string path = directory_ / "program";
  ASSERT_TRUE(write_file_atomically(path, "no program", 0700));
  request_.executable = path.c_str();
  const Spawned process = start("true");
  EXPECT_EQ(process.failed_stage, StartStage::exec);
  EXPECT_EQ(process.error_number, ENOEXEC);
}

TEST_P(Spawn, AnImpossibleLimitFailsAtLimits) {
  const ResourceLimit limits[] = {{RLIMIT_NOFILE, 20, 10}};
  request_.limits = limits;
  const Spawned process = start("true");
  EXPECT_EQ(process.failed_stage, StartStage::limits);
  EXPECT_EQ(process.error_number, EINVAL);
}

TEST_P(Spawn, AThousandFailuresAndStartsLeaveNoDescriptorBehind) {
  const int before = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(before);
  for (int time = 0; time < 200; ++time) {
    request_.directory = "/nowhere";
    EXPECT_FALSE(start("true").ok());
  }
  request_.directory = directory_.path().c_str();
  for (int time = 0; time < 20; ++time) {
    output_of("true");
  }
  const int after = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(after);
  EXPECT_EQ(before, after);
}

TEST(Executable, IsFoundInTheGivenPathOnly) {
  const TestDirectory directory;
  ASSERT_EQ(make_directories_errno(directory / "bin"), 0);
  ASSERT_EQ(make_directories_errno(directory / "shadow/tool"), 0);
  ASSERT_TRUE(write_file_atomically(directory / "bin/tool", "#!/bin/sh\n", 0755));
  ASSERT_TRUE(write_file_atomically(directory / "bin/data", "", 0644));
  int error = 0;
  const std::string path = "/nowhere:" + (directory / "shadow") + ":" + (directory / "bin");
  EXPECT_EQ(find_executable("tool", path.c_str(), "/", error), directory / "bin/tool");
  EXPECT_EQ(error, 0);
  EXPECT_EQ(find_executable("absent", path.c_str(), "/", error), "");
  EXPECT_EQ(error, ENOENT);
  EXPECT_EQ(find_executable("data", (directory / "bin").c_str(), "/", error), "");
  EXPECT_EQ(error, EACCES);
  EXPECT_NE(find_executable("sh", nullptr, "/", error), "");
  EXPECT_EQ(find_executable("", nullptr, "/", error), "");
}

TEST(Executable, RelativeNamesAndPathsCountFromTheTasksDirectory) {
  const TestDirectory directory;
  ASSERT_EQ(make_directories_errno(directory / "bin"), 0);
  ASSERT_TRUE(write_file_atomically(directory / "bin/tool", "#!/bin/sh\n", 0755));
  int error = 0;
  EXPECT_EQ(find_executable("bin/tool", "/", directory.path(), error), directory / "bin/tool");
  EXPECT_EQ(find_executable("tool", "bin", directory.path(), error), directory / "bin/tool");
  EXPECT_EQ(find_executable("tool", ":/", directory / "bin", error), directory / "bin/tool");
  EXPECT_EQ(find_executable("./absent", "/", directory.path(), error), "");
  EXPECT_EQ(error, ENOENT);
}

}  // namespace
}  // namespace cattino::sys
