// Bodies and queries, with the name of what is wrong.
#include "server/verbs/input.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

namespace cattino::server::verbs {

void refuse_body(const Error& error, std::string_view body, const Responder& responder) {
  wire::Problem problem = wire::problem_of(error);
  if (!wire::is_json(body)) {
    problem.status = 400;
  }
  responder.fail(problem);
}

std::vector<std::string> Query::all(const std::string& name) {
  known_.push_back(name);
  std::vector<std::string> values;
  for (const auto& [key, value] : request_.query) {
    if (key == name) {
      values.push_back(value);
    }
  }
  return values;
}

std::optional<std::string> Query::one(const std::string& name) {
  std::vector<std::string> values = all(name);
  if (values.size() > 1 && !error_) {
    error_ = Error{ErrorCode::invalid, "this is given twice", name, {}};
  }
  return values.empty() ? std::nullopt : std::optional(std::move(values.front()));
}

bool Query::flag(const std::string& name, bool otherwise) {
  const std::optional<std::string> value = one(name);
  if (value && *value != "0" && *value != "1" && !error_) {
    error_ = Error{ErrorCode::invalid, fmt::format("expected 0 or 1, got '{}'", *value), name, {}};
  }
  return value ? *value == "1" : otherwise;
}

std::uint64_t Query::number(const std::string& name, std::uint64_t otherwise) {
  const std::optional<std::string> value = one(name);
  if (!value) {
    return otherwise;
  }
  std::uint64_t number = 0;
  const char* end = value->data() + value->size();
  const auto parsed = std::from_chars(value->data(), end, number);
  if ((parsed.ec != std::errc{} || parsed.ptr != end) && !error_) {
    error_ = Error{
        ErrorCode::invalid, fmt::format("expected an integer ≥ 0, got '{}'", *value), name, {}};
  }
  return number;
}

Status Query::check() {
  for (const auto& item : request_.query) {
    if (error_ || std::find(known_.begin(), known_.end(), item.first) != known_.end()) {
      continue;
    }
    const std::optional<std::string> near = nearest(item.first, known_);
    error_ = Error{
        ErrorCode::invalid,
        near ? fmt::format("unknown parameter (did you mean '{}'?)", *near) : "unknown parameter",
        item.first,
        {}};
  }
  if (error_) {
    return *error_;
  }
  return ok();
}

}  // namespace cattino::server::verbs
