// Lines out of a response that never ends.
#include "cli/feed.h"

namespace cattino::cli {

Result<Feed> Feed::open(Client& client, const std::string& query) {
  auto connection = client.open();
  if (!connection) {
    return connection.error();
  }
  auto status = connection->begin({"GET", "/v1/feed" + query, {}, {}});
  if (!status) {
    return status.error();
  }
  if (*status != 200) {
    std::string body;
    bool more = true;
    while (more) {
      auto read = connection->read_some(body);
      more = read && *read;
    }
    return error_of_response(*status, body);
  }
  return Feed(std::move(*connection));
}

std::optional<std::string> Feed::next_line() {
  const std::size_t end = buffer_.find('\n', taken_);
  if (end == std::string::npos) {
    buffer_.erase(0, taken_);
    taken_ = 0;
    return std::nullopt;
  }
  std::string line = buffer_.substr(taken_, end - taken_);
  taken_ = end + 1;
  return line;
}

Result<bool> Feed::read_some() {
  auto more = connection_.read_some(buffer_);
  if (!more && more.error().code == ErrorCode::unavailable) {
    return false;  // it left, or died: for a follower that is the same
  }
  return more;
}

}  // namespace cattino::cli
