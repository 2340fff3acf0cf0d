// The copies that the backend runs from.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/backend.h"

namespace cattino::cli {
namespace {

class Programs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/cattino-cli-XXXXXX";
    directory_ = mkdtemp(name.data());
    std::filesystem::create_directories(from());
    write("meowd", "daemon");
    write("meow-supervisor", "supervisor");
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string from() const { return directory_ + "/from"; }
  [[nodiscard]] std::string binaries() const { return directory_ + "/state/bin"; }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(from() + "/" + name) << content;
  }
  [[nodiscard]] std::size_t kept_count() const {
    const std::filesystem::directory_iterator all(binaries());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  std::string directory_;
};

TEST_F(Programs, are_copied_once_and_can_be_executed) {
  const auto kept = keep_programs(from(), binaries());
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(access((*kept + "/meowd").c_str(), X_OK), 0);
  EXPECT_EQ(access((*kept + "/meow-supervisor").c_str(), X_OK), 0);
  const auto again = keep_programs(from(), binaries());
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *kept);
  EXPECT_EQ(kept_count(), 1U);
}

TEST_F(Programs, that_changed_have_a_directory_of_their_own) {
  const auto before = keep_programs(from(), binaries());
  write("meowd", "another daemon");
  const auto after = keep_programs(from(), binaries());
  ASSERT_TRUE(before);
  ASSERT_TRUE(after);
  EXPECT_NE(*before, *after);
  EXPECT_EQ(kept_count(), 2U);
}

TEST_F(Programs, are_copied_by_many_at_once_without_leftovers) {
  std::vector<std::thread> threads;
  std::vector<std::string> kept(8);
  threads.reserve(kept.size());
  for (std::string& each : kept) {
    threads.emplace_back([&] {
      auto result = keep_programs(from(), binaries());
      each = result ? *result : result.error().message;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const std::string& each : kept) {
    EXPECT_EQ(each, kept.front());
  }
  EXPECT_EQ(kept_count(), 1U);
}

TEST_F(Programs, that_are_missing_are_named) {
  std::filesystem::remove(from() + "/meowd");
  const auto kept = keep_programs(from(), binaries());
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::unavailable);
  EXPECT_NE(kept.error().hint.find("meowd"), std::string::npos);
}

}  // namespace
}  // namespace cattino::cli
