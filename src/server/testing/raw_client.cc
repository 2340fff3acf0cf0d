// Plain system calls.
#include "server/testing/raw_client.h"

#include <cstdlib>

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/check.h"
#include "sys/sockets.h"

namespace cattino::server::testing {

RawClient::RawClient(const std::string& path) {
  Result<sys::Fd> fd = sys::connect_unix(path);
  while (!fd && fd.error().code == ErrorCode::unavailable) {  // The backlog is full.
    ::sched_yield();
    fd = sys::connect_unix(path);
  }
  CHECK(fd);
  fd_ = std::move(*fd);
  CHECK(::fcntl(fd_.get(), F_SETFL, 0) == 0);
  const timeval patience{10, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool RawClient::fill() {
  char piece[65536];
  const ssize_t count = ::recv(fd_.get(), piece, sizeof piece, 0);
  if (count > 0) {
    received_.append(piece, static_cast<std::size_t>(count));
  }
  return count > 0;
}

std::string RawClient::take_until(std::string_view end) {
  std::size_t at = received_.find(end);
  while (at == std::string::npos) {
    if (!fill()) {
      return {};
    }
    at = received_.find(end);
  }
  return take(at + end.size());
}

std::string RawClient::take(std::size_t count) {
  while (received_.size() < count && fill()) {
  }
  std::string taken = received_.substr(0, count);
  received_.erase(0, count);
  return taken;
}

Reply RawClient::receive() {
  Reply reply;
  reply.head = take_until("\r\n\r\n");
  if (reply.head.size() < 12) {
    return reply;
  }
  reply.status = std::atoi(reply.head.c_str() + 9);
  const std::size_t length = reply.head.find("Content-Length: ");
  if (length != std::string::npos) {
    reply.body = take(std::strtoull(reply.head.c_str() + length + 16, nullptr, 10));
  }
  return reply;
}

std::string RawClient::receive_chunk() {
  if (received_.empty()) {
    fill();
  }
  if (received_.starts_with("HTTP/")) {
    take_until("\r\n\r\n");
  }
  const std::string size = take_until("\r\n");
  std::string chunk = take(std::strtoull(size.c_str(), nullptr, 16));
  take_until("\r\n");
  return chunk;
}

std::string RawClient::receive_line() {
  std::string line = take_until("\n");
  if (!line.empty()) {
    line.pop_back();
  }
  return line;
}

bool RawClient::ended() {
  received_.clear();
  while (true) {
    char piece[65536];
    const ssize_t count = ::recv(fd_.get(), piece, sizeof piece, 0);
    if (count <= 0) {
      return count == 0 || errno == ECONNRESET;
    }
  }
}

void RawClient::shut_sending() {
  ::shutdown(fd_.get(), SHUT_WR);
}

Reply RawClient::get(std::string_view target) {
  return ask(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", target));
}

Reply RawClient::post(std::string_view target, std::string_view body) {
  return ask(fmt::format(
      "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", target, body.size(), body));
}

}  // namespace cattino::server::testing
