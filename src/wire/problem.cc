// Errors ⇄ problems: the one table of codes and HTTP statuses.
#include "wire/problem.h"

#include <array>

namespace cattino::wire {

namespace {

struct Row {
  ErrorCode code;
  std::int32_t status;
  const char* title;
};

// The first row of a status is what clients take it for.
constexpr std::array rows = {
    Row{ErrorCode::invalid, 422, "Invalid request"},
    Row{ErrorCode::infeasible, 422, "Infeasible request"},
    Row{ErrorCode::not_found, 404, "Not found"},
    Row{ErrorCode::conflict, 409, "Conflict"},
    Row{ErrorCode::unavailable, 503, "Not now"},
    Row{ErrorCode::too_large, 413, "Too large"},
    Row{ErrorCode::internal, 500, "A defect of the daemon"},
    Row{ErrorCode::corrupt, 500, "Damaged data"},
    Row{ErrorCode::system, 500, "The system refused"},
};

}  // namespace

Problem problem_of(const Error& error) {
  Problem problem;
  problem.detail = error.message;
  for (const Row& row : rows) {
    if (row.code == error.code) {
      problem.title = row.title;
      problem.status = row.status;
    }
  }
  if (!error.field.empty()) {
    problem.field = error.field;
  }
  if (!error.hint.empty()) {
    problem.hint = error.hint;
  }
  return problem;
}

Error error_of(const Problem& problem) {
  Error error{
      ErrorCode::invalid, problem.detail, problem.field.value_or(""), problem.hint.value_or("")};
  if (problem.status >= 500) {
    error.code = ErrorCode::internal;
  }
  for (const Row& row : rows) {
    if (row.status == problem.status && row.title == problem.title) {
      error.code = row.code;
      return error;
    }
  }
  for (const Row& row : rows) {
    if (row.status == problem.status) {
      error.code = row.code;
      return error;
    }
  }
  return error;
}

}  // namespace cattino::wire
