// One client's connection: HTTP/1.1 over a Unix socket. Only connection.cc knows Beast.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "server/http.h"
#include "sys/fd.h"

namespace cattino::sys {
class Loop;
}

namespace cattino::server {

class Connection {
 public:
  virtual ~Connection() = default;
  /// Ends it now: what is kept for its answer is destroyed. Never from within a request's handler.
  virtual void close() = 0;
  [[nodiscard]] virtual std::size_t unsent_bytes() const = 0;
};

/// What a connection needs and tells; outlives every connection that has not ended.
struct Surroundings {
  sys::Loop& loop;
  Open open;
  std::function<void(std::string_view)> failed;  ///< an answer with status 500
  std::function<void(Connection&)> ended;        ///< the connection is closed, forget it
  std::function<void()> sent;                    ///< all that was to be sent has left
};

/// Begins to read requests. The connection owns itself until it tells that it has ended.
Connection* start_connection(const Surroundings& surroundings, sys::Fd fd);

}  // namespace cattino::server
