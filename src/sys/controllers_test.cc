// Limits by controllers: real ones of version 1 where they may be made, else ordinary files in their place.
#include "sys/controllers.h"

#include <fstream>
#include <sstream>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/cgroup.h"
#include "sys/files.h"
#include "sys/spawn.h"
#include "sys/test_directory.h"

namespace cattino::sys {
namespace {

class Controllers : public testing::Test {
 protected:
  /// Stands for a file that the kernel has in a cgroup.
  void put(const std::string& name, const std::string& text) const {
    std::ofstream{directory_.path() + "/" + name} << text;
  }
  [[nodiscard]] std::string get(const std::string& name) const {
    return read_file(directory_.path() + "/" + name).value();
  }

  TestDirectory directory_;
};

TEST_F(Controllers, OfVersionTwoAreWrittenAsTheKernelReadsThem) {
  for (const char* name : {"memory.max", "memory.swap.max", "memory.oom.group", "cpu.max"}) {
    put(name, "");
  }
  EXPECT_TRUE(limit_memory(directory_.path(), CgroupVersion::two, 1U << 20U));
  EXPECT_EQ(get("memory.max"), "1048576");
  EXPECT_EQ(get("memory.swap.max"), "0");
  EXPECT_EQ(get("memory.oom.group"), "1");
  EXPECT_TRUE(has_memory_limit(directory_.path()));
  EXPECT_TRUE(limit_cpu(directory_.path(), CgroupVersion::two, 1500));
  EXPECT_EQ(get("cpu.max"), "150000 100000");
}

TEST_F(Controllers, OfVersionOneAreWrittenAsTheKernelReadsThem) {
  for (const char* name :
       {"memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "cpu.cfs_period_us",
        "cpu.cfs_quota_us"}) {
    put(name, "");
  }
  EXPECT_TRUE(limit_memory(directory_.path(), CgroupVersion::one, 4096));
  EXPECT_EQ(get("memory.limit_in_bytes"), "4096");
  EXPECT_EQ(get("memory.memsw.limit_in_bytes"), "4096");
  EXPECT_TRUE(limit_cpu(directory_.path(), CgroupVersion::one, 1));
  EXPECT_EQ(get("cpu.cfs_quota_us"), "1000") << "the least there is";
}

TEST_F(Controllers, ThatAreNotThereLimitNothing) {
  EXPECT_FALSE(limit_memory(directory_.path(), CgroupVersion::one, 4096));
  EXPECT_FALSE(limit_memory(directory_.path(), CgroupVersion::two, 4096));
  EXPECT_FALSE(limit_cpu(directory_.path(), CgroupVersion::two, 1000));
  EXPECT_FALSE(has_memory_limit(directory_.path()));
  EXPECT_FALSE(hand_down(directory_.path(), "memory"));
  EXPECT_FALSE(move_all(directory_.path(), directory_.path() + "/rest"));
  EXPECT_EQ(oom_kills(directory_.path(), CgroupVersion::two), 0U);
}

TEST_F(Controllers, CountWhomTheKernelEnded) {
  put("memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n");
  put("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n");
  EXPECT_EQ(oom_kills(directory_.path(), CgroupVersion::two), 2U);
  EXPECT_EQ(oom_kills(directory_.path(), CgroupVersion::one), 5U);
}

TEST_F(Controllers, OfVersionTwoHaveNoLimitByDefault) {
  put("memory.max", "max\n");
  EXPECT_FALSE(has_memory_limit(directory_.path()));
}

TEST(CgroupOfAController, IsFoundAmongOthers) {
  const std::string mounts =
      "34 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 /box /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
  const std::string cgroups = "9:memory:/box/a\n4:cpu,cpuacct:/b\n1:name=systemd:/c\n0::/d\n";
  EXPECT_EQ(cgroup_directory(cgroups, mounts, "memory"), "/sys/fs/cgroup/memory/a");
  EXPECT_EQ(cgroup_directory(cgroups, mounts, "cpu"), "/sys/fs/cgroup/cpu,cpuacct/b");
  EXPECT_EQ(cgroup_directory(cgroups, mounts, "pids"), "");
  EXPECT_EQ(cgroup_directory(cgroups, mounts), "/sys/fs/cgroup/unified/d");
}

}  // namespace
}  // namespace cattino::sys
