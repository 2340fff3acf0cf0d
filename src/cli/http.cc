// The connection: bytes to and from the socket.
#include "cli/http.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace cattino::cli {

namespace {

constexpr std::size_t read_bytes = 65536;

std::string head_of(const Request& request, bool streaming) {
  std::string head =
      fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n", request.method, request.target);
  if (streaming) {
    head += fmt::format("Content-Type: {}\r\nTransfer-Encoding: chunked\r\n", request.content_type);
  } else if (!request.body.empty() || request.method == "POST") {
    head += fmt::format(
        "Content-Type: {}\r\nContent-Length: {}\r\n", request.content_type, request.body.size());
  }
  return head + "\r\n";
}

}  // namespace

Result<Connection> Connection::open(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof(address.sun_path)) {
    return system_error("connect to the backend", socket_path, ENAMETOOLONG);
  }
  std::copy(socket_path.begin(), socket_path.end(), address.sun_path);
  sys::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) {
    return system_error("create a socket for", socket_path, errno);
  }
  int result = 0;
  do {
    result = connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } while (result < 0 && errno == EINTR);
  if (result < 0) {
    Error error = system_error("connect to the backend", socket_path, errno);
    error.code = ErrorCode::unavailable;
    return error;
  }
  return Connection(std::move(fd));
}

Error Connection::broken(std::string_view doing, int error_number) {
  was_cut_ = true;
  Error error = system_error(doing, "the backend", error_number);
  error.code = ErrorCode::unavailable;
  return error;
}

Status Connection::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) {
      return broken("write to", errno);
    }
    bytes.remove_prefix(sent < 0 ? 0 : static_cast<std::size_t>(sent));
  }
  return ok();
}

Result<bool> Connection::readable_now() const {
  pollfd waiting{fd_.get(), POLLIN, 0};
  const int count = poll(&waiting, 1, 0);
  if (count < 0 && errno != EINTR) {
    return system_error("wait for", "the backend", errno);
  }
  return count > 0;
}

Result<Response> Connection::read_response() {
  Response response;
  while (!reader_.done()) {
    auto more = read_some(response.body);
    if (!more) {
      return more.error();
    }
  }
  response.status = reader_.status();
  response.server = reader_.server();
  return response;
}

Status Connection::send(const Request& request) {
  reader_ = ResponseReader();
  ahead_.clear();
  return send_all(head_of(request, false) + request.body);
}

Result<Response> Connection::call(const Request& request) {
  if (auto sent = send(request); !sent) {
    auto early = readable_now();  // it may have refused the request and left
    if (!early || !*early) {
      return sent.error();
    }
  }
  return read_response();
}

Result<Response> Connection::call_streaming(const Request& request, const BodySource& source) {
  reader_ = ResponseReader();
  ahead_.clear();
  std::string out = head_of(request, true);
  std::string piece;
  for (bool more = true; more;) {
    piece.clear();
    more = source(piece);
    if (!piece.empty()) {
      out += fmt::format("{:x}\r\n", piece.size());
      out += piece;
      out += "\r\n";
    }
    if (!more) {
      out += "0\r\n\r\n";
    }
    if (auto sent = send_all(out); !sent) {
      break;  // it may have refused the work and left: its answer is there to read
    }
    out.clear();
    if (auto early = readable_now(); early && *early) {
      break;
    }
  }
  return read_response();
}

Result<int> Connection::begin(const Request& request) {
  if (auto sent = send(request); !sent) {
    return sent.error();
  }
  while (!reader_.head_done()) {
    std::string body;
    auto more = read_some(body);
    if (!more) {
      return more.error();
    }
    ahead_ += body;
  }
  return reader_.status();
}

Result<bool> Connection::read_some(std::string& body) {
  if (!ahead_.empty() && reader_.head_done()) {
    body += ahead_;
    ahead_.clear();
    return true;
  }
  if (reader_.done()) {
    return false;
  }
  std::array<char, read_bytes> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  ssize_t count = 0;
  do {
    count = recv(fd_.get(), buffer.data(), buffer.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    return broken("read from", errno);
  }
  if (count == 0) {
    if (reader_.end_of_input()) {
      return false;
    }
    return broken("read from", ECONNRESET);
  }
  if (auto fed = reader_.feed({buffer.data(), static_cast<std::size_t>(count)}, body); !fed) {
    return fed.error();
  }
  return true;
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded.push_back(c);
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace cattino::cli
