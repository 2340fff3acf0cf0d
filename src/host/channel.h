// A connection to a Python host: JSON lines both ways. The server makes one of an upgraded connection.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace cattino::host {

/// Loop thread only. Destroying it closes the connection.
class Channel {
 public:
  virtual ~Channel() = default;

  /// Queues one line (without its newline) to the host.
  virtual void send(std::string line) = 0;

  /// Sets where lines from the host go, and what happens when the connection ends (once). Lines that
  /// came before are delivered then.
  virtual void listen(std::function<void(std::string_view)> line, std::function<void()> closed) = 0;
};

}  // namespace cattino::host
