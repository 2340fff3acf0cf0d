// Exit statuses and system errors in words.
#include "base/exit_status.h"

#include <cerrno>
#include <csignal>

#include <gtest/gtest.h>

#include "base/result.h"

namespace cattino {
namespace {

TEST(DescribeExitStatus, Names_codes_signals_stages_and_the_unknown) {
  EXPECT_EQ(describe(ExitStatus::of_code(3)), "exit status 3");
  EXPECT_EQ(describe(ExitStatus::of_signal(SIGKILL)), "killed by SIGKILL");
  EXPECT_EQ(describe(ExitStatus::of_signal(50)), "killed by signal 50");
  EXPECT_EQ(
      describe(ExitStatus::of_stage(StartStage::exec, 0)), "never started: stderr.log says why");
  EXPECT_EQ(
      describe(ExitStatus::of_stage(StartStage::executable, ENOENT)),
      "never started: executable: No such file or directory");
  EXPECT_EQ(
      describe(ExitStatus::of_stage(StartStage::working_directory, EACCES)),
      "never started: working directory: Permission denied");
  EXPECT_EQ(describe(ExitStatus::of_lost()), "lost");
  EXPECT_EQ(describe(ExitStatus{}), "not ended");
}

TEST(ExitStatus, Only_code_zero_is_ok) {
  EXPECT_TRUE(ExitStatus::of_code(0).ok());
  EXPECT_FALSE(ExitStatus::of_code(1).ok());
  EXPECT_FALSE(ExitStatus{}.ok());
  EXPECT_FALSE(ExitStatus::of_lost().ok());
}

TEST(SystemError, Says_what_was_tried_on_what_and_why) {
  const Error error = system_error("open", "state.db", ENOENT);
  EXPECT_EQ(error.code, ErrorCode::system);
  EXPECT_EQ(error.message, "cannot open state.db: No such file or directory");
  EXPECT_EQ(
      system_error("fork", "", EAGAIN).message, "cannot fork: Resource temporarily unavailable");
  EXPECT_EQ(system_error("open", "x", 99999).message, "cannot open x: error 99999");
}

}  // namespace
}  // namespace cattino
