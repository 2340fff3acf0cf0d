// Limits of memory and cores: real ones, by whatever version the machine has.
#include "supervisor/enforcer.h"

#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "sys/files.h"
#include "sys/spawn.h"

namespace cattino::supervisor {
namespace {

using Kept = Enforced::Kept;

constexpr std::uint64_t mib = std::uint64_t{1} << 20U;

class Enforcing : public testing::Test {
 protected:
  void SetUp() override { pool_.begin(false); }
  void TearDown() override {
    enforcer_.leave();
    pool_.leave();
  }

  bool begin(const Bounds& bounds) {
    slot_ = pool_.take(true);
    enforced_ = enforcer_.begin(key, bounds, pool_, slot_.get());
    return enforced_->ram != Kept::not_at_all && enforced_->cpus != Kept::not_at_all;
  }

  /// Runs it to its end.
  sys::ProcessExit run(const char* program) {
    const char* const words[] = {"python3", "-c", program, nullptr};
    const char* const variables[] = {nullptr};
    int error = 0;
    const std::string python = sys::find_executable("python3", nullptr, "/", error);
    sys::SpawnRequest request;
    request.executable = python.c_str();
    request.argv = const_cast<char* const*>(static_cast<const char* const*>(words));
    request.environment = const_cast<char* const*>(static_cast<const char* const*>(variables));
    request.cgroup = slot_ ? slot_->group.fd() : -1;
    request.doors = enforced_->doors;
    sys::Spawned spawned = sys::Spawner{}.spawn(request);
    EXPECT_TRUE(spawned.ok());
    EXPECT_TRUE(spawned.through_doors);
    Enforcer::begun(*enforced_, true, spawned.through_doors);
    sys::ProcessExit ended;
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(spawned.pid), &info, WEXITED | WNOWAIT);
    ended = sys::peek_exit(spawned.pidfd.get()).value();
    sys::reap(spawned.pidfd.get());
    return ended;
  }

  static constexpr std::uint64_t key = 77;
  std::uint64_t space_ = 0xfedcba9876000000U + static_cast<std::uint64_t>(::getpid());
  CgroupPool pool_{CgroupUse::automatic, space_};
  Enforcer enforcer_{CgroupUse::automatic, space_};
  std::unique_ptr<CgroupSlot> slot_;
  std::unique_ptr<Enforced> enforced_;
};

TEST_F(Enforcing, OfMemoryEndsWhoWantsMoreAndTellsThatFromOtherEnds) {
  if (!begin({64 * mib, 0})) {
    GTEST_SKIP() << "no controller of memory can be used here";
  }
  EXPECT_EQ(run("x = bytearray(1 << 28)").status, ExitStatus::of_signal(SIGKILL));
  EXPECT_TRUE(Enforcer::out_of_memory(*enforced_));
  const std::unique_ptr<Enforced> next =
      Enforcer{CgroupUse::automatic, space_}.inherited(key, slot_.get());
  ASSERT_TRUE(next) << "the next supervisor finds it";
  EXPECT_TRUE(Enforcer::out_of_memory(*next));
  const std::vector<std::string> own = enforced_->own;
  enforcer_.end(std::move(enforced_));
  for (const std::string& directory : own) {
    EXPECT_FALSE(std::filesystem::exists(directory));
  }
}

TEST_F(Enforcing, OfMemoryLeavesAloneWhoStaysBelow) {
  if (!begin({256 * mib, 0})) {
    GTEST_SKIP() << "no controller of memory can be used here";
  }
  EXPECT_TRUE(run("x = bytearray(1 << 26)").status.ok());
  EXPECT_EQ(run("import os; os.kill(os.getpid(), 9)").status, ExitStatus::of_signal(SIGKILL));
  EXPECT_FALSE(Enforcer::out_of_memory(*enforced_));
}

TEST_F(Enforcing, OfCoresMakesWait) {
  if (!begin({0, 200})) {
    GTEST_SKIP() << "no controller of cores can be used here";
  }
  const char* const busy =
      "import time\n"
      "begin, before = time.monotonic(), time.process_time()\n"
      "while time.process_time() - before < 0.3: pass\n"
      "exit(0 if time.monotonic() - begin > 1 else 3)\n";
  EXPECT_TRUE(run(busy).status.ok()) << "0.3 s of a fifth of a core";
}

TEST_F(Enforcing, IsNotDoneWhereCgroupsAreTurnedOff) {
  Enforcer off{CgroupUse::off, space_};
  CgroupPool none{CgroupUse::off, space_};
  none.begin(false);
  const std::unique_ptr<Enforced> enforced = off.begin(key, {mib, 1000}, none, nullptr);
  EXPECT_EQ(enforced->ram, Kept::not_at_all);
  EXPECT_EQ(enforced->cpus, Kept::not_at_all);
  EXPECT_FALSE(Enforcer::out_of_memory(*enforced));
  EXPECT_FALSE(off.inherited(key, nullptr));
}

TEST_F(Enforcing, HasNoEffectOnWhoDidNotGetIn) {
  Enforced enforced;
  enforced.ram = Kept::in_slot;
  enforced.cpus = Kept::apart;
  Enforcer::begun(enforced, false, true);
  EXPECT_EQ(enforced.ram, Kept::not_at_all);
  EXPECT_EQ(enforced.cpus, Kept::apart);
  Enforcer::begun(enforced, false, false);
  EXPECT_EQ(enforced.cpus, Kept::not_at_all);
  enforced.cpus = Kept::unwanted;
  Enforcer::begun(enforced, false, false);
  EXPECT_EQ(enforced.cpus, Kept::unwanted) << "nobody is told of what nobody wanted";
}

}  // namespace
}  // namespace cattino::supervisor
