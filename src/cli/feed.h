// The feed: what happens at the backend, line by line.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "cli/client.h"
#include "wire/feed.h"

namespace cattino::cli {

class Feed {
 public:
  /// `query`: "", or "?output=1".
  static Result<Feed> open(Client& client, const std::string& query);
  explicit Feed(Connection connection) : connection_(std::move(connection)) {}

  /// To poll for input. Lines that have come already do not make it readable: take them first.
  [[nodiscard]] int fd() const { return connection_.fd(); }

  /// A line that has come; nothing if none is complete.
  std::optional<std::string> next_line();
  /// Reads once; waits if nothing is there. False when the backend has left.
  Result<bool> read_some();

 private:
  Connection connection_;
  std::string buffer_;
  std::size_t taken_ = 0;  ///< bytes of `buffer_` that were handed out
};

}  // namespace cattino::cli
