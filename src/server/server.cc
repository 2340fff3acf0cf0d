// Accepting connections, and knowing them until they end.
#include "server/server.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "server/connection.h"
#include "server/limits.h"
#include "sys/sockets.h"

namespace cattino::server {

Server::Server(
    sys::Loop& loop, sys::Fd listener, Open open, std::function<void(std::string_view)> failed)
    : loop_(loop),
      listener_(std::move(listener)),
      surroundings_{
          loop,
          std::move(open),
          std::move(failed),
          [this](Connection& connection) {
            connections_.erase(&connection);
            sent();
          },
          [this] {
            sent();
          }},
      timer_(loop) {
  listen();
}

Server::~Server() {
  watch_.reset();
  const std::vector<Connection*> all{connections_.begin(), connections_.end()};
  for (Connection* connection : all) {
    connection->close();
  }
}

void Server::listen() {
  watch_ = std::make_unique<sys::Watch>(loop_, listener_.get(), [this] { accept(); });
}

void Server::accept_failed(int error) {
  if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS) {
    // Until something is closed nothing can be accepted: do not spin on the client that waits.
    watch_.reset();
    timer_.arm(Duration::milliseconds(100), [this] { listen(); });
  }
}

void Server::accept() {
  constexpr int most_at_once = 64;
  for (int i = 0; i < most_at_once; ++i) {
    int error = 0;
    sys::Fd fd = sys::accept_unix(listener_.get(), error);
    if (!fd) {
      accept_failed(error);
      return;
    }
    if (sys::peer_is_same_user(fd.get())) {
      connections_.insert(start_connection(surroundings_, std::move(fd)));
    }
  }
}

void Server::sent() {
  if (!finished_) {
    return;
  }
  const bool unsent = std::any_of(connections_.begin(), connections_.end(), [](const auto* each) {
    return each->unsent_bytes() > 0;
  });
  if (!unsent) {
    timer_.cancel();
    loop_.post(std::exchange(finished_, nullptr));
  }
}

void Server::finish(std::function<void()> done) {
  watch_.reset();
  finished_ = std::move(done);
  timer_.arm(farewell_time_max, [this] {
    if (finished_) {
      std::exchange(finished_, nullptr)();
    }
  });
  sent();
}

}  // namespace cattino::server
