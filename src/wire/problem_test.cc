// Which status each kind of error has, and that clients get the same error back.
#include "wire/problem.h"

#include <gtest/gtest.h>

#include "wire/json.h"

namespace cattino::wire {
namespace {

TEST(Problem, has_the_status_of_its_code) {
  const auto status = [](ErrorCode code) {
    return problem_of(Error{code, "x"}).status;
  };
  EXPECT_EQ(status(ErrorCode::invalid), 422);
  EXPECT_EQ(status(ErrorCode::infeasible), 422);
  EXPECT_EQ(status(ErrorCode::not_found), 404);
  EXPECT_EQ(status(ErrorCode::conflict), 409);
  EXPECT_EQ(status(ErrorCode::unavailable), 503);
  EXPECT_EQ(status(ErrorCode::too_large), 413);
  EXPECT_EQ(status(ErrorCode::corrupt), 500);
  EXPECT_EQ(status(ErrorCode::system), 500);
  EXPECT_EQ(status(ErrorCode::internal), 500);
}

TEST(Problem, is_the_same_error_for_a_client) {
  for (const ErrorCode code :
       {ErrorCode::invalid,
        ErrorCode::infeasible,
        ErrorCode::not_found,
        ErrorCode::conflict,
        ErrorCode::unavailable,
        ErrorCode::too_large,
        ErrorCode::corrupt,
        ErrorCode::system,
        ErrorCode::internal}) {
    const Error error{code, "what", "tasks[3].name", "do this"};
    const Result<Problem> read = from_json<Problem>(to_json(problem_of(error)), Reading::lenient);
    ASSERT_TRUE(read);
    const Error back = error_of(*read);
    EXPECT_EQ(back.code, code);
    EXPECT_EQ(back.message, error.message);
    EXPECT_EQ(back.field, error.field);
    EXPECT_EQ(back.hint, error.hint);
  }
}

TEST(Problem, leaves_out_what_it_does_not_say) {
  EXPECT_EQ(
      to_json(problem_of(Error{ErrorCode::not_found, "no task is called 'x'"})),
      R"({"title":"Not found","status":404,"detail":"no task is called 'x'"})");
}

TEST(Problem, of_an_unknown_status_is_wrong_input_or_a_defect) {
  Problem problem;
  problem.status = 400;
  EXPECT_EQ(error_of(problem).code, ErrorCode::invalid);
  problem.status = 502;
  EXPECT_EQ(error_of(problem).code, ErrorCode::internal);
}

}  // namespace
}  // namespace cattino::wire
