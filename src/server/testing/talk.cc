// Bytes in, answers out, and what must be true of them.
#include "server/testing/talk.h"

#include <charconv>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <sys/socket.h>

#include "base/check.h"
#include "server/router.h"
#include "wire/json.h"

namespace cattino::server::testing {

namespace {

std::size_t length_of(std::string_view head) {
  constexpr std::string_view field = "Content-Length: ";
  const std::size_t at = head.find(field);
  std::size_t length = 0;
  if (at != std::string_view::npos) {
    std::from_chars(head.data() + at + field.size(), head.data() + head.size(), length);
  }
  return length;
}

/// From then on the server says what it likes: lines to a host or a follower.
bool is_open_ended(std::string_view head) {
  return head.starts_with("HTTP/1.1 101") || head.find("x-ndjson") != std::string_view::npos;
}

/// Whole answers, one after the other, each of JSON.
std::string fault_in(std::string_view said) {
  while (!said.empty()) {
    const std::size_t end = said.find("\r\n\r\n");
    if (!said.starts_with("HTTP/1.1 ") || end == std::string_view::npos) {
      return "an answer has no head: " + std::string(said);
    }
    const std::string_view head = said.substr(0, end);
    said.remove_prefix(end + 4);
    if (is_open_ended(head)) {
      return {};
    }
    const std::size_t length = length_of(head);
    if (length > said.size()) {
      return "an answer is shorter than it says";
    }
    if (!head.starts_with("HTTP/1.1 100") && !wire::is_json(said.substr(0, length))) {
      return "an answer is no JSON: " + std::string(said.substr(0, length));
    }
    said.remove_prefix(length);
  }
  return {};
}

}  // namespace

Talk::Talk()
    : surroundings_{
          loop_,
          route_to(Context{engine_, "box"}),
          [this](std::string_view) { failed_ = true; },
          [this](Connection&) { ended_ = true; },
          [] {
          }} {
  int ends[2] = {-1, -1};
  CHECK(
      ::socketpair(
          AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, static_cast<int*>(ends)) == 0);
  client_ = sys::Fd{ends[0]};
  start_connection(surroundings_, sys::Fd{ends[1]});
}

void Talk::send(std::string_view piece) {
  (void)::send(client_.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
  turn();
}

std::string Talk::end() {
  constexpr int turns_max = 100;
  ::shutdown(client_.get(), SHUT_WR);
  turn();
  client_.reset();
  for (int turns = 0; !ended_ && turns < turns_max; ++turns) {
    turn();
  }
  if (!ended_) {
    return "the connection does not end with its client";
  }
  if (engine_.handles != 0) {
    return "something is kept for a client that is gone";
  }
  return failed_ ? "a client's bytes are a defect of the daemon: " + received_
                 : fault_in(received_);
}

void Talk::turn() {
  loop_.context().restart();
  loop_.context().poll();
  char piece[65536];
  ssize_t count = 0;
  while (client_ && (count = ::recv(client_.get(), piece, sizeof piece, 0)) > 0) {
    received_.append(piece, static_cast<std::size_t>(count));
  }
}

}  // namespace cattino::server::testing
