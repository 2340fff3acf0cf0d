// Unix sockets.
#include "sys/sockets.h"

#include <cerrno>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/files.h"
#include "sys/test_directory.h"

namespace cattino::sys {
namespace {

void expect_talk(const std::string& path) {
  const Result<Fd> listener = listen_unix(path, 16);
  ASSERT_TRUE(listener) << listener.error().message;
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  int error = 0;
  EXPECT_FALSE(accept_unix(listener->get(), error));
  EXPECT_EQ(error, EAGAIN);
  const Result<Fd> caller = connect_unix(path);
  ASSERT_TRUE(caller) << caller.error().message;
  const Fd called = accept_unix(listener->get(), error);
  ASSERT_TRUE(called);
  EXPECT_TRUE(peer_is_same_user(called.get()));
  ASSERT_EQ(::write(caller->get(), "x", 1), 1);
  pollfd wait{called.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 10000), 1);
  char got = 0;
  EXPECT_EQ(::read(called.get(), &got, 1), 1);
  EXPECT_EQ(got, 'x');
}

TEST(Sockets, AConnectionCarriesBytes) {
  const TestDirectory directory;
  expect_talk(directory / "s.sock");
}

TEST(Sockets, APathLongerThanTheKernelsAddressWorks) {
  const TestDirectory directory;
  const std::string deep = directory / (std::string(90, 'd') + "/" + std::string(90, 'e'));
  ASSERT_TRUE(make_directories(deep));
  expect_talk(deep + "/supervisor.sock");
}

TEST(Sockets, ANameTooLongForAnyAddressIsRefusedInWords) {
  const TestDirectory directory;
  const Result<Fd> listener = listen_unix(directory / std::string(200, 'n'), 16);
  ASSERT_FALSE(listener);
  EXPECT_NE(listener.error().message.find("too long"), std::string::npos);
}

TEST(Sockets, AStaleSocketIsReplacedAndMeansNobodyListens) {
  const TestDirectory directory;
  const std::string path = directory / "s.sock";
  EXPECT_EQ(connect_unix(path).error().code, ErrorCode::unavailable);
  { ASSERT_TRUE(listen_unix(path, 1)); }
  EXPECT_EQ(connect_unix(path).error().code, ErrorCode::unavailable);
  expect_talk(path);
}

TEST(Sockets, APairIsConnected) {
  const Result<std::pair<Fd, Fd>> pair = socket_pair();
  ASSERT_TRUE(pair);
  ASSERT_EQ(::write(pair->first.get(), "ab", 2), 2);
  char got[2] = {};
  EXPECT_EQ(::read(pair->second.get(), static_cast<char*>(got), 2), 2);
}

}  // namespace
}  // namespace cattino::sys
