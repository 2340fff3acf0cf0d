// Files, directories, locks and clocks.
#include "sys/files.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "sys/clock.h"
#include "sys/test_directory.h"

namespace cattino::sys {
namespace {

TEST(Files, WhatIsWrittenAtomicallyIsReadBackWhole) {
  const TestDirectory directory;
  const std::string content(100000, 'x');
  ASSERT_TRUE(write_file_atomically(directory / "a", "old"));
  ASSERT_TRUE(write_file_atomically(directory / "a", content));
  const Result<std::string> back = read_file(directory / "a");
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, content);
  EXPECT_FALSE(std::filesystem::exists(directory / "a.new"));
}

TEST(Files, AMissingFileIsAnErrorThatNamesIt) {
  const Result<std::string> missing = read_file("/nowhere/at/all");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("/nowhere/at/all"), std::string::npos);
}

TEST(Files, DirectoriesAreMadeWithTheirParentsAndMayExist) {
  const TestDirectory directory;
  EXPECT_EQ(make_directories_errno(directory / "a/b//c"), 0);
  EXPECT_EQ(make_directories_errno(directory / "a/b//c"), 0);
  EXPECT_TRUE(std::filesystem::is_directory(directory / "a/b/c"));
  ASSERT_TRUE(write_file_atomically(directory / "file", ""));
  EXPECT_EQ(make_directories_errno(directory / "file"), ENOTDIR);
  EXPECT_EQ(make_directories_errno(directory / "file/x"), ENOTDIR);
}

TEST(Files, TheDirectoryOfAPathIsWhatPrecedesItsLastPart) {
  EXPECT_EQ(directory_of("/a/b"), "/a");
  EXPECT_EQ(directory_of("/a"), "/");
  EXPECT_EQ(directory_of("a"), ".");
}

TEST(Files, ALockIsHeldOnceUntilItsOwnerIsGone) {
  const TestDirectory directory;
  Result<Fd> first = lock_file(directory / "lock");
  ASSERT_TRUE(first);
  const Result<Fd> second = lock_file(directory / "lock");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  first->reset();
  EXPECT_TRUE(lock_file(directory / "lock"));
}

TEST(Clock, NeverStartsBeforeWhatEarlierLivesHaveUsed) {
  const Time far{4102444800000000};
  const Clock clock{far};
  EXPECT_GE(clock.now(), far);
  const Time before = clock.now();
  EXPECT_LE(before, clock.now());
  EXPECT_GT(Clock{}.now(), Time{1600000000000000});
  EXPECT_LT(Clock{}.now(), far);
}

TEST(Clock, TheBootIdHasNoNewline) {
  EXPECT_EQ(boot_id().size(), 36U);
}

}  // namespace
}  // namespace cattino::sys
