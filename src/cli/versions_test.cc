// Programs of different versions side by side.
#include "cli/versions.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/version.h"
#include "sys/files.h"
#include "sys/test_directory.h"

namespace cattino::cli {
namespace {

namespace fs = std::filesystem;

TEST(Versions, AreComparedByTheirNumbers) {
  EXPECT_TRUE(is_older("0.9.2", "0.10"));
  EXPECT_TRUE(is_older("0.1", "0.1.1"));
  EXPECT_TRUE(is_older("", "0.0.1"));
  EXPECT_FALSE(is_older("0.1", "0.1.0"));
  EXPECT_FALSE(is_older("1.0", "0.99.99"));
}

TEST(Versions, AHintIsGivenOnlyBetweenDifferentOnes) {
  EXPECT_EQ(version_hint(std::string{"cattino/"} + program_version), "");
  EXPECT_EQ(version_hint(""), "");
  EXPECT_EQ(version_hint("nginx/0.0.1"), "");
  EXPECT_NE(version_hint("cattino/0.0.1").find("`meow exit --keep-tasks`"), std::string::npos);
  EXPECT_NE(version_hint("cattino/999.0").find("999.0"), std::string::npos);
}

class Preferred : public testing::Test {
 protected:
  std::string add(const std::string& name) {
    fs::create_directories(root_ + "/" + name);
    EXPECT_TRUE(sys::write_file_atomically(root_ + "/" + name + "/meowd", "#!", 0700));
    return root_ + "/" + name;
  }
  std::string prefer(const std::string& name) {
    const Result<std::string> link = prefer_programs(root_ + "/" + name, root_);
    EXPECT_TRUE(link);
    return fs::read_symlink(*link);
  }

  sys::TestDirectory directory_;
  std::string root_ = directory_.path();
};

TEST_F(Preferred, ANewerVersionTakesThePlaceOfAnOlderOneAndNeverTheOtherWayRound) {
  add("0.1.0-a");
  add("0.2.0-a");
  EXPECT_EQ(prefer("0.1.0-a"), "0.1.0-a");
  EXPECT_EQ(prefer("0.2.0-a"), "0.2.0-a");
  EXPECT_EQ(prefer("0.1.0-a"), "0.2.0-a");
}

TEST_F(Preferred, AnotherBuildOfTheSameVersionTakesItsPlace) {
  add("0.1.0-a");
  add("0.1.0-b");
  EXPECT_EQ(prefer("0.1.0-a"), "0.1.0-a");
  EXPECT_EQ(prefer("0.1.0-b"), "0.1.0-b");
}

TEST_F(Preferred, ANewerOneThatIsGoneIsNotWaitedFor) {
  add("0.1.0-a");
  add("0.2.0-a");
  prefer("0.2.0-a");
  fs::remove_all(root_ + "/0.2.0-a");
  EXPECT_EQ(prefer("0.1.0-a"), "0.1.0-a");
}

}  // namespace
}  // namespace cattino::cli
