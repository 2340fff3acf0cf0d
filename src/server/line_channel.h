// A connection to a host after its upgrade: lines both ways over a socket.
#pragma once

#include <memory>
#include <string>

#include "host/channel.h"
#include "sys/fd.h"

namespace cattino::sys {
class Loop;
}

namespace cattino::server {

/// The socket under a LineChannel, which may be opened after the channel has been handed out. Shared
/// by the channel and whoever opens it; closed when the channel is destroyed.
class LineSocket;

class LineChannel : public host::Channel {
 public:
  explicit LineChannel(std::shared_ptr<LineSocket> socket) : socket_(std::move(socket)) {}
  ~LineChannel() override;
  LineChannel(const LineChannel&) = delete;
  LineChannel& operator=(const LineChannel&) = delete;

  void send(std::string line) override;
  void listen(std::function<void(std::string_view)> line, std::function<void()> closed) override;

 private:
  std::shared_ptr<LineSocket> socket_;
};

std::shared_ptr<LineSocket> make_line_socket(sys::Loop& loop);

/// Goes on with `fd`: `head` is sent first, `received` was read from it already.
void open(LineSocket& socket, sys::Fd fd, const std::string& head, const std::string& received);

/// The client has gone before the upgrade.
void close(LineSocket& socket);

}  // namespace cattino::server
