// Sending, and sending again.
#include "cli/client.h"

#include <fmt/core.h>

#include "cli/versions.h"
#include "sys/clock.h"

namespace cattino::cli {

namespace {

/// Attempts in a row; one that lasted begins a new row: a daemon may be replaced many times in a long wait.
constexpr int attempts_max = 4;
constexpr Duration lasting = Duration::seconds(10);

/// The body of an answer; the error that it tells of if it does.
Result<std::string> body_of(Response response) {
  if (response.status > 299) {
    Error error = error_of_response(response.status, response.body);
    const std::string hint = version_hint(response.server);
    if (!hint.empty()) {
      error.hint += (error.hint.empty() ? "" : "; ") + hint;
    }
    return error;
  }
  return std::move(response.body);
}

}  // namespace

Error error_of_response(int status, std::string_view body) {
  auto problem = wire::from_json<wire::Problem>(body, wire::Reading::lenient);
  if (problem && !problem->detail.empty()) {
    return wire::error_of(*problem);
  }
  return {
      status == 503 ? ErrorCode::unavailable : ErrorCode::internal,
      fmt::format("the backend answered with HTTP status {}", status),
      {},
      {}};
}

Status Client::connect() {
  if (connection_) {
    return ok();
  }
  auto opened = opener_();
  if (!opened) {
    return opened.error();
  }
  connection_ = std::move(*opened);
  return ok();
}

Result<std::string> Client::attempt(const std::function<Result<Response>(Connection&)>& send) {
  sent_again_ = false;
  for (int number = 1;; ++number) {
    if (auto open = connect(); !open) {
      return open.error();
    }
    const Duration begun = sys::since_boot();
    auto response = send(*connection_);
    if (response) {
      return body_of(std::move(*response));
    }
    number = sys::since_boot() - begun >= lasting ? 1 : number;
    const bool again = connection_->was_cut() && number < attempts_max;
    sent_again_ = true;
    connection_.reset();
    if (!again) {
      return response.error();
    }
  }
}

Result<std::string> Client::call(const Request& request) {
  return attempt([&](Connection& connection) { return connection.call(request); });
}

Result<std::string> Client::call_streaming(
    const Request& request, const std::function<BodySource()>& source) {
  return attempt(
      [&](Connection& connection) { return connection.call_streaming(request, source()); });
}

}  // namespace cattino::cli
