// Unix stream sockets: all are close-on-exec and non-blocking.
#pragma once

#include <string>
#include <utility>

#include <sys/types.h>

#include "base/result.h"
#include "sys/fd.h"

namespace cattino::sys {

/// Binds `path` (mode 0600) and listens. A socket file that is there already is replaced: callers hold a
/// lock that says nobody listens on it. Paths of any length the file system takes.
Result<Fd> listen_unix(const std::string& path, int backlog);

/// Connects to `path`. Code `unavailable` if nobody listens there, or the backlog is full.
Result<Fd> connect_unix(const std::string& path);

/// The next waiting connection, or nothing: `error_number` is then EAGAIN or what failed.
Fd accept_unix(int listener, int& error_number);

/// True if the other end of a connection belongs to the user this process runs as.
bool peer_is_same_user(int fd);

/// Two connected ends.
Result<std::pair<Fd, Fd>> socket_pair();

}  // namespace cattino::sys
