// The one call of Boost.JSON's parser.
#include "wire/parse.h"

#include <algorithm>

#include <fmt/core.h>

namespace cattino::wire {

boost::json::parse_options json_options() {
  boost::json::parse_options options;
  options.allow_invalid_utf8 = true;
  return options;
}

Result<boost::json::value> parse(
    boost::json::parser& parser, boost::json::storage_ptr memory, std::string_view text) {
  parser.reset(std::move(memory));
  boost::json::error_code error;
  const std::size_t taken = parser.write_some(text.data(), text.size(), error);
  std::string_view rest = text.substr(std::min(taken, text.size()));
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\n' || rest.front() == '\r' ||
                           rest.front() == '\t')) {
    rest.remove_prefix(1);
  }
  if (!error && rest.empty()) {
    return parser.release();
  }
  const std::string_view before = text.substr(0, taken);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::string what = error ? error.message() : "something follows the value";
  return Error{
      ErrorCode::invalid,
      fmt::format(
          "invalid JSON at line {} column {}: {}",
          std::count(before.begin(), before.end(), '\n') + 1,
          taken - line_start + 1,
          what)};
}

}  // namespace cattino::wire
