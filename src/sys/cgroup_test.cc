// Cgroups: where ours is, and what a tree in one can and cannot do. Real ones where they may be made.
#include "sys/cgroup.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "sys/processes.h"
#include "sys/spawn.h"

namespace cattino::sys {
namespace {

const std::string hybrid_mounts =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

TEST(CgroupDirectory, IsFoundInAHybridAndInAUnifiedHierarchy) {
  EXPECT_EQ(cgroup_directory("4:memory:/a\n0::/\n", hybrid_mounts), "/sys/fs/cgroup/unified");
  EXPECT_EQ(
      cgroup_directory(
          "0::/user.slice/user@1000.service/app.slice/x.scope\n",
          "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"),
      "/sys/fs/cgroup/user.slice/user@1000.service/app.slice/x.scope");
}

TEST(CgroupDirectory, OfAContainerCountsFromTheRootOfItsMount) {
  const std::string mounts = "9 8 0:26 /docker/c1 /sys/fs/c\\040g ro - cgroup2 cgroup rw\n";
  EXPECT_EQ(cgroup_directory("0::/docker/c1/task\n", mounts), "/sys/fs/c g/task");
  EXPECT_EQ(cgroup_directory("0::/docker/c1\n", mounts), "/sys/fs/c g");
  EXPECT_EQ(cgroup_directory("0::/docker/c12\n", mounts), "");
  EXPECT_EQ(cgroup_directory("0::/elsewhere\n", mounts), "");
}

TEST(CgroupDirectory, IsNoneWhereThereIsNoVersionTwo) {
  EXPECT_EQ(cgroup_directory("4:memory:/a\n", hybrid_mounts), "");
  EXPECT_EQ(
      cgroup_directory("0::/\n", "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw\n"), "");
  EXPECT_EQ(cgroup_directory("", ""), "");
}

class CgroupTree : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const std::string own = own_cgroup();
    path_ = fmt::format("{}/cattino-test-{}", own, ::getpid());
    std::optional<Cgroup> made = own.empty() ? std::nullopt : Cgroup::open(path_, true);
    if (!made) {
      GTEST_SKIP() << "no cgroup may be made here (" << own << ")";
    }
    group_ = std::move(made);
    if (GetParam()) {
      spawner_.use_fallback();
    }
  }
  void TearDown() override {
    if (group_) {
      group_->freeze(false);
      EXPECT_TRUE(group_->kill());
      await_empty();
      EXPECT_TRUE(remove_cgroup(path_, 10000));
    }
  }

  Spawned start(const std::string& command) {
    const std::array<const char*, 4> argv{"sh", "-c", command.c_str(), nullptr};
    const std::array<const char*, 2> environment{"PATH=/usr/bin:/bin", nullptr};
    SpawnRequest request;
    request.executable = "/bin/sh";
    request.argv = const_cast<char* const*>(argv.data());
    request.environment = const_cast<char* const*>(environment.data());
    request.cgroup = group_->fd();
    return spawner_.spawn(request);
  }

  void await_empty() const {
    while (group_->populated()) {
      pollfd wait{group_->events_fd(), POLLPRI, 0};
      ASSERT_EQ(::poll(&wait, 1, 20000), 1) << "never empty";
    }
  }

  void await_members(std::size_t count) const {
    for (int turn = 0; turn < 20000 && group_->members().size() != count; ++turn) {
      ::poll(nullptr, 0, 1);
    }
    ASSERT_EQ(group_->members().size(), count);
  }

  static bool await_end(const Spawned& process) {
    pollfd wait{process.pidfd.get(), POLLIN, 0};
    return ::poll(&wait, 1, 20000) == 1 && reap(process.pidfd.get());
  }

  std::string path_;
  std::optional<Cgroup> group_;
  Spawner spawner_;
};

#ifdef __SANITIZE_THREAD__
// It makes vfork() a fork(): nobody waits until the child is where it belongs.
INSTANTIATE_TEST_SUITE_P(OneWay, CgroupTree, testing::Values(false));
#else
INSTANTIATE_TEST_SUITE_P(BothWays, CgroupTree, testing::Values(false, true));
#endif

TEST_P(CgroupTree, AChildIsInItFromTheFirstMomentAndItIsEmptyWhenItHasEnded) {
  EXPECT_FALSE(group_->populated());
  const Spawned process = start("read line < /proc/self/cgroup; exec sleep 1000");
  ASSERT_TRUE(process.ok());
  EXPECT_TRUE(process.in_cgroup);
  EXPECT_TRUE(group_->populated());
  EXPECT_EQ(group_->members(), std::vector<pid_t>{process.pid});
  signal_process(process.pidfd.get(), SIGKILL);
  EXPECT_TRUE(await_end(process));
  await_empty();
  EXPECT_TRUE(group_->members().empty());
}

TEST_P(CgroupTree, NobodyEscapesByASessionOrALaterForkFromTheKill) {
  const Spawned process =
      start("trap '' TERM; (setsid sh -c 'while :; do setsid sleep 0.001 & done' &); sleep 1000");
  ASSERT_TRUE(process.ok());
  while (group_->members().size() < 3) {
    ::poll(nullptr, 0, 1);
  }
  EXPECT_TRUE(group_->kill());
  await_empty();
  EXPECT_TRUE(await_end(process));
}

TEST_P(CgroupTree, WhatIsFrozenCanBeKilled) {
  const Spawned process = start("while :; do :; done");
  ASSERT_TRUE(process.ok());
  group_->freeze(true);
  signal_process(process.pidfd.get(), SIGKILL);
  EXPECT_TRUE(await_end(process));
}

TEST_P(CgroupTree, CgroupsBelowCountAndAreRemovedWithIt) {
  ASSERT_TRUE(Cgroup::open(path_ + "/a", true));
  std::optional<Cgroup> below = Cgroup::open(path_ + "/a/b", true);
  ASSERT_TRUE(below);
  const Spawned process = start("sleep 1000 & wait");
  ASSERT_TRUE(process.ok());
  await_members(2);
  EXPECT_TRUE(below->enter(process.pid));
  EXPECT_EQ(group_->members().size(), 2U);
  EXPECT_EQ(below->members(), std::vector<pid_t>{process.pid});
  EXPECT_FALSE(remove_cgroup(path_)) << "somebody is in it";
  EXPECT_TRUE(Cgroup::open(path_ + "/a/b", false)) << "what is in use is kept";
  EXPECT_TRUE(group_->kill());
  EXPECT_TRUE(await_end(process));
  await_empty();
  EXPECT_TRUE(remove_cgroup(path_, 10000));
  EXPECT_FALSE(Cgroup::open(path_, false));
  EXPECT_FALSE(group_->populated()) << "what is gone has nobody";
  group_.reset();
}

TEST_P(CgroupTree, WhereNobodyIsLetInTheChildStartsOutsideOfIt) {
  ASSERT_TRUE(remove_cgroup(path_));
  const Spawned process = start("exit 3");
  group_.reset();
  ASSERT_TRUE(process.ok());
  EXPECT_FALSE(process.in_cgroup);
  pollfd wait{process.pidfd.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&wait, 1, 20000), 1);
  const std::optional<ProcessExit> ended = peek_exit(process.pidfd.get());
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->status, ExitStatus::of_code(3));
  reap(process.pidfd.get());
}

}  // namespace
}  // namespace cattino::sys
