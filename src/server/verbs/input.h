// What verbs read from requests: JSON bodies and queries.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "server/http.h"
#include "wire/json.h"
#include "wire/problem.h"

namespace cattino::server::verbs {

/// Answers what is wrong with a body: 400 if it is no JSON, else 422.
void refuse_body(const Error& error, std::string_view body, const Responder& responder);

/// The body as a message; or nothing, and the request has been answered. No body is {}.
template <class T>
std::optional<T> read_body(const Request& request, const Responder& responder) {
  const std::string_view text = request.body.empty() ? std::string_view{"{}"} : request.body;
  Result<T> value = wire::from_json<T>(text);
  if (!value) {
    refuse_body(value.error(), text, responder);
    return std::nullopt;
  }
  return std::move(*value);
}

/// The query of a request. Values are asked for by name; `check` then finds names nobody asked for.
class Query {
 public:
  explicit Query(const Request& request) : request_(request) {}

  std::vector<std::string> all(const std::string& name);
  std::optional<std::string> one(const std::string& name);
  bool flag(const std::string& name, bool otherwise);
  std::uint64_t number(const std::string& name, std::uint64_t otherwise);

  /// The first thing that was wrong.
  [[nodiscard]] Status check();

 private:
  const Request& request_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

}  // namespace cattino::server::verbs
