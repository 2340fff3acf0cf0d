// application/problem+json: every answer that is an error.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "wire/common.h"

namespace cattino::wire {

struct Problem {
  std::string title;
  std::int32_t status = 500;
  std::string detail;
  std::optional<std::string> field;
  std::optional<std::uint64_t> line;  ///< of a submission, from 1
  std::optional<std::string> hint;
};

/// The problem that tells of `error`; `status` follows from its code.
Problem problem_of(const Error& error);

/// The error that a problem tells of, for clients.
Error error_of(const Problem& problem);

}  // namespace cattino::wire
