// Serves HTTP on a listening Unix socket, to the user it runs as and to nobody else.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "server/connection.h"
#include "server/http.h"
#include "sys/fd.h"
#include "sys/loop.h"

namespace cattino::server {

/// Loop thread only. Destroying it closes all connections, and whatever is kept for their answers.
class Server {
 public:
  /// `open` gets every request that is HTTP; `failed` is told of answers with status 500.
  Server(
      sys::Loop& loop, sys::Fd listener, Open open, std::function<void(std::string_view)> failed);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes no new connections; calls back once the answers that were given have left, or soon after.
  void finish(std::function<void()> done);

 private:
  void listen();
  void accept();
  void accept_failed(int error);
  void sent();

  sys::Loop& loop_;
  sys::Fd listener_;
  Surroundings surroundings_;
  std::unique_ptr<sys::Watch> watch_;
  std::unordered_set<Connection*> connections_;
  sys::Timer timer_;  // until the next try to accept, then until the end
  std::function<void()> finished_;
};

}  // namespace cattino::server
