// The outcome of what can fail: a value, or an error that says what, where and what to do.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace cattino {

/// What kind of failure an Error is. The server maps each to an HTTP status, the command line to an
/// exit status.
enum class ErrorCode {
  invalid,      ///< the request is wrong: fix the field named in `field`
  infeasible,   ///< no empty machine could ever satisfy it
  not_found,    ///< no such task, group or file
  conflict,     ///< a name is taken, or the state forbids it
  unavailable,  ///< not now: a full disk, a daemon that leaves, a driver that is down
  too_large,    ///< over a stated limit
  corrupt,      ///< stored or received bytes are not what was written
  system,       ///< a system call failed
  internal,     ///< a defect of ours
};

/// A failure. `message` is one sentence without a full stop; `field` is the path of the bad input,
/// such as `tasks[3].min_devices`; `hint` says what to do, may be empty.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string field = {};
  std::string hint = {};
};

/// An Error of code `system` that says what was tried, on what, and the meaning of `error_number`; of code
/// `unavailable` if the disk is full.
Error system_error(std::string_view tried, std::string_view on, int error_number);

struct Done {};

/// A value or an Error. `if (!result) return result.error();`
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return state_.index() == 0; }

  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

  Error& error() { return *std::get_if<1>(&state_); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<Done>;

inline Status ok() {
  return Done{};
}

}  // namespace cattino
