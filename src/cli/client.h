// Requests to the backend and their answers, as values.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/http.h"
#include "wire/json.h"
#include "wire/problem.h"

namespace cattino::cli {

/// Opens connections to the backend, starting it or not.
using Opener = std::function<Result<Connection>()>;

/// The text of an answer, and its meaning.
template <class T>
struct Answer {
  std::string text;  ///< as it came: what --json prints
  T value;
};

class Client {
 public:
  explicit Client(Opener opener) : opener_(std::move(opener)) {}

  /// The body of a good answer; the error that any other one tells of. A request that nobody answered
  /// to the end, because the daemon left or died, is sent again: all can be.
  Result<std::string> call(const Request& request);
  Result<std::string> call_streaming(
      const Request& request, const std::function<BodySource()>& source);

  template <class T>
  Result<Answer<T>> get(const std::string& target) {
    return read<T>(call({"GET", target, {}, {}}));
  }

  template <class T, class Body>
  Result<Answer<T>> post(const std::string& target, const Body& body) {
    return read<T>(call({"POST", target, "application/json", wire::to_json(body)}));
  }

  template <class T>
  static Result<Answer<T>> read(Result<std::string> text) {
    if (!text) {
      return text.error();
    }
    auto value = wire::from_json<T>(*text, wire::Reading::lenient);
    if (!value) {
      return value.error();
    }
    return Answer<T>{std::move(*text), std::move(*value)};
  }

  /// The last request was sent more than once: what it asks for may have been done before.
  [[nodiscard]] bool sent_again() const { return sent_again_; }

  /// A new connection, for what takes one of its own (the feed).
  Result<Connection> open() { return opener_(); }

 private:
  Status connect();  ///< unless it is connected
  Result<std::string> attempt(const std::function<Result<Response>(Connection&)>& send);

  Opener opener_;
  std::optional<Connection> connection_;
  bool sent_again_ = false;
};

/// The error that an answer with a status above 299 tells of.
Error error_of_response(int status, std::string_view body);

}  // namespace cattino::cli
