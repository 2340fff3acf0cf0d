// The pool of cgroups: real directories where they may be made.
#include "supervisor/cgroups.h"

#include <filesystem>
#include <optional>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "supervisor/limits.h"

namespace cattino::supervisor {
namespace {

TEST(CgroupUse, IsOneOfItsWords) {
  CgroupUse use = CgroupUse::off;
  EXPECT_TRUE(parse_cgroup_use("", use));
  EXPECT_EQ(use, CgroupUse::automatic);
  EXPECT_TRUE(parse_cgroup_use("off", use));
  EXPECT_EQ(use, CgroupUse::off);
  EXPECT_TRUE(parse_cgroup_use("no-kill", use));
  EXPECT_EQ(use, CgroupUse::no_kill);
  EXPECT_TRUE(parse_cgroup_use("auto", use));
  EXPECT_EQ(use, CgroupUse::automatic);
  EXPECT_FALSE(parse_cgroup_use("on", use));
}

TEST(OutsideOfPool, IsWhereTheOutermostPoolIs) {
  EXPECT_EQ(outside_of_pool("/sys/fs/cgroup/a/cattino-80000000000000ff/3"), "/sys/fs/cgroup/a");
  EXPECT_EQ(outside_of_pool("/c/cattino-80000000000000ff/3/x/cattino-8000000000000001/1"), "/c");
  EXPECT_EQ(outside_of_pool("/c/cattino-80000000000000ff"), "");
  EXPECT_EQ(outside_of_pool("/c/cattino-daemon.service/x"), "");
  EXPECT_EQ(outside_of_pool("/c/cattino-ff/3"), "");
  EXPECT_EQ(outside_of_pool(""), "");
}

class Pool : public testing::Test {
 protected:
  static constexpr std::uint64_t space = 0xfedcba9876540000U;

  void SetUp() override {
    pool_.begin(false);
    slot_ = pool_.take();
    if (!slot_) {
      GTEST_SKIP() << "no cgroup may be made in " << sys::own_cgroup();
    }
  }
  void TearDown() override { pool_.leave(); }

  [[nodiscard]] bool is_there(std::uint32_t number) const {
    return std::filesystem::exists(fmt::format("{}/{}", path_, number));
  }

  std::uint64_t space_ = space + static_cast<std::uint64_t>(::getpid());
  CgroupPool pool_{CgroupUse::automatic, space_};
  std::string path_ = fmt::format("{}/cattino-{:016x}", sys::own_cgroup(), space_);
  std::unique_ptr<CgroupSlot> slot_;
};

TEST_F(Pool, WhatWasLeftCleanIsUsedAgainAndNothingElse) {
  EXPECT_EQ(pool_.path(), path_);
  const std::uint32_t number = slot_->number;
  pool_.give_back(std::move(slot_), true);
  slot_ = pool_.take();
  EXPECT_EQ(slot_->number, number);
  pool_.give_back(std::move(slot_), false);
  EXPECT_FALSE(is_there(number));
  slot_ = pool_.take();
  EXPECT_NE(slot_->number, number);
  pool_.give_back(std::move(slot_), true);
  pool_.leave();
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(pool_.take());
}

TEST_F(Pool, NoMoreAreKeptThanAFew) {
  std::vector<std::unique_ptr<CgroupSlot>> slots;
  for (std::size_t count = 0; count < free_cgroups_max + 3; ++count) {
    slots.push_back(pool_.take());
    ASSERT_TRUE(slots.back());
  }
  for (std::unique_ptr<CgroupSlot>& slot : slots) {
    pool_.give_back(std::move(slot), true);
  }
  std::size_t left = 0;
  for (std::uint32_t number = 1; number < free_cgroups_max + 10; ++number) {
    left += is_there(number) ? 1U : 0U;
  }
  EXPECT_EQ(left, free_cgroups_max + 1) << "and the one that is taken";
}

TEST_F(Pool, ANewOneThatLetsNobodyInIsTheLast) {
  pool_.give_back(std::move(slot_), true);
  pool_.refused(pool_.take());
  slot_ = pool_.take();
  ASSERT_TRUE(slot_) << "one that was used may be its task's fault";
  pool_.refused(std::move(slot_));
  EXPECT_FALSE(pool_.take());
}

TEST_F(Pool, TheNextGoesOnWithWhatIsNeededAndRemovesTheRest) {
  const std::unique_ptr<CgroupSlot> other = pool_.take();
  CgroupPool next{CgroupUse::automatic, space_};
  next.inherit(pool_.path());
  EXPECT_FALSE(next.inherited(0));
  EXPECT_FALSE(next.inherited(77));
  std::unique_ptr<CgroupSlot> known = next.inherited(slot_->number);
  ASSERT_TRUE(known);
  next.begin(true);
  EXPECT_FALSE(is_there(other->number));
  const std::unique_ptr<CgroupSlot> made = next.take();
  ASSERT_TRUE(made);
  EXPECT_GT(made->number, other->number) << "no number is given twice";
  next.give_back(std::move(known), true);
  EXPECT_FALSE(is_there(slot_->number)) << "one that was inherited is not used again";
  next.leave();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Pool, WhereTheyAreTurnedOffWhatWasInheritedIsRemovedInTheEnd) {
  CgroupPool next{CgroupUse::off, space_};
  next.inherit(pool_.path());
  std::unique_ptr<CgroupSlot> known = next.inherited(slot_->number);
  ASSERT_TRUE(known);
  next.begin(true);
  EXPECT_FALSE(next.take());
  next.give_back(std::move(known), true);
  next.leave();
  EXPECT_FALSE(std::filesystem::exists(path_));
  CgroupPool last{CgroupUse::off, space_};
  last.begin(false);
  EXPECT_EQ(last.path(), "");
}

}  // namespace
}  // namespace cattino::supervisor
