// Files that grow, on a real file system.
#include "cli/log_follower.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <poll.h>

namespace cattino::cli {
namespace {

class Logs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/cattino-cli-XXXXXX";
    directory_ = mkdtemp(name.data());
    path_ = directory_ + "/day/time/train/stdout.log";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void append(const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path_).parent_path());
    std::ofstream(path_, std::ios::app) << text;
  }
  static bool alarmed(const FileAlarm& alarm) {
    pollfd source{alarm.fd(), POLLIN, 0};
    return poll(&source, 1, 0) == 1;
  }

  std::string directory_;
  std::string path_;
};

TEST_F(Logs, are_read_as_far_as_they_go) {
  GrowingFile file(path_);
  EXPECT_EQ(*file.read_new(), "");
  append("one\n");
  EXPECT_EQ(*file.read_new(), "one\n");
  EXPECT_EQ(*file.read_new(), "");
  append("two");
  append(" three\n");
  EXPECT_EQ(*file.read_new(), "two three\n");
}

TEST_F(Logs, can_be_read_from_the_last_lines_on) {
  append("1\n2\n3\n4\n");
  const auto last = [&](std::uint64_t lines) {
    GrowingFile file(path_);
    file.skip_to_last(lines);
    return *file.read_new();
  };
  EXPECT_EQ(last(2), "3\n4\n");
  EXPECT_EQ(last(0), "");
  EXPECT_EQ(last(4), "1\n2\n3\n4\n");
  EXPECT_EQ(last(9), "1\n2\n3\n4\n");
  append("no end");
  EXPECT_EQ(last(2), "4\nno end");
}

TEST_F(Logs, longer_than_a_buffer_end_in_the_right_place) {
  std::string text;
  for (int i = 0; i < 50000; ++i) {
    text += std::to_string(i) + "\n";
  }
  append(text);
  GrowingFile file(path_);
  file.skip_to_last(20000);
  EXPECT_TRUE(file.read_new()->starts_with("30000\n30001\n"));
}

TEST_F(Logs, raise_an_alarm_when_they_grow) {
  append("");
  auto alarm = FileAlarm::make();
  ASSERT_TRUE(alarm);
  alarm->watch(path_);
  EXPECT_FALSE(alarmed(*alarm));
  append("x");
  EXPECT_TRUE(alarmed(*alarm));
  alarm->clear();
  EXPECT_FALSE(alarmed(*alarm));
}

TEST_F(Logs, raise_an_alarm_when_they_come_into_being) {
  auto alarm = FileAlarm::make();
  ASSERT_TRUE(alarm);
  alarm->watch(path_);
  append("");
  EXPECT_TRUE(alarmed(*alarm));
  alarm->clear();
  alarm->watch(path_);
  append("x");
  EXPECT_TRUE(alarmed(*alarm));
}

}  // namespace
}  // namespace cattino::cli
