// Unix stream sockets, by plain system calls.
#include "sys/sockets.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/files.h"

namespace cattino::sys {
namespace {

/// An address, and the directory it is reached through when its path is longer than sun_path.
struct Address {
  sockaddr_un name{};
  Fd directory;
};

Result<Address> address_of(const std::string& path) {
  Address address;
  address.name.sun_family = AF_UNIX;
  std::string reached_by = path;
  if (path.size() >= sizeof address.name.sun_path) {
    const std::string directory = directory_of(path);
    address.directory = Fd{::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!address.directory) {
      return system_error("open", directory, errno);
    }
    const std::string file = path.substr(path.find_last_of('/') + 1);
    reached_by = fmt::format("/proc/self/fd/{}/{}", address.directory.get(), file);
  }
  if (reached_by.size() >= sizeof address.name.sun_path) {
    return Error{ErrorCode::invalid, fmt::format("the name of the socket {} is too long", path)};
  }
  std::memcpy(static_cast<void*>(address.name.sun_path), reached_by.c_str(), reached_by.size() + 1);
  return address;
}

Fd new_socket() {
  return Fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

const sockaddr* as_sockaddr(const sockaddr_un& name) {
  return reinterpret_cast<const sockaddr*>(&name);
}

}  // namespace

Result<Fd> listen_unix(const std::string& path, int backlog) {
  Result<Address> address = address_of(path);
  if (!address) {
    return address.error();
  }
  Fd listener = new_socket();
  if (!listener) {
    return system_error("make a socket for", path, errno);
  }
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) {
    ::unlink(path.c_str());
  }
  ::fchmod(listener.get(), 0600);  // Linux gives the socket file these bits.
  if (::bind(listener.get(), as_sockaddr(address->name), sizeof address->name) != 0) {
    return system_error("bind", path, errno);
  }
  if (::listen(listener.get(), backlog) != 0) {
    return system_error("listen on", path, errno);
  }
  return listener;
}

Result<Fd> connect_unix(const std::string& path) {
  Result<Address> address = address_of(path);
  if (!address) {
    return address.error();
  }
  Fd connection = new_socket();
  if (!connection) {
    return system_error("make a socket for", path, errno);
  }
  int result = 0;
  do {
    result = ::connect(connection.get(), as_sockaddr(address->name), sizeof address->name);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    const int error = errno;
    Error failure = system_error("connect to", path, error);
    if (error == ENOENT || error == ECONNREFUSED || error == EAGAIN) {
      failure.code = ErrorCode::unavailable;
    }
    return failure;
  }
  return connection;
}

Fd accept_unix(int listener, int& error_number) {
  Fd connection{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  error_number = connection ? 0 : errno;
  return connection;
}

bool peer_is_same_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

Result<std::pair<Fd, Fd>> socket_pair() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return system_error("make", "a pair of sockets", errno);
  }
  return std::pair<Fd, Fd>{Fd{ends[0]}, Fd{ends[1]}};
}

}  // namespace cattino::sys
