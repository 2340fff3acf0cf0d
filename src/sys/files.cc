// Whole reads, atomic writes, directories and locks, by plain system calls.
#include "sys/files.h"

#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cattino::sys {
namespace {

Status write_and_sync(const Fd& file, const std::string& path, std::string_view content) {
  if (const int error = write_all(file.get(), content); error != 0) {
    return system_error("write", path, error);
  }
  if (::fsync(file.get()) != 0) {
    return system_error("sync", path, errno);
  }
  return ok();
}

/// So that the rename itself survives a power cut.
void sync_directory(const std::string& path) {
  const Fd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory) {
    ::fsync(directory.get());
  }
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) {
    return system_error("open", path, errno);
  }
  std::string content;
  std::size_t used = 0;
  while (true) {
    content.resize(used + 16384);
    const ssize_t got = ::read(file.get(), content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return system_error("read", path, errno);
    }
    used += static_cast<std::size_t>(got);
    if (got == 0) {
      content.resize(used);
      return content;
    }
  }
}

void complain(std::string_view text) {
  static_cast<void>(write_all(STDERR_FILENO, text));
}

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(fd, content.data(), content.size());
    if (wrote < 0 && errno == EINTR) {
      continue;
    }
    if (wrote < 0) {
      return errno;
    }
    content.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return 0;
}

Status write_file_atomically(const std::string& path, std::string_view content, unsigned mode) {
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  Fd file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
  if (!file) {
    return system_error("create", temporary, errno);
  }
  (void)::fchmod(file.get(), mode);  // whatever the umask is
  Status written = write_and_sync(file, temporary, content);
  file.reset();
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return system_error("rename", path, error);
  }
  sync_directory(directory_of(path));
  return ok();
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

int make_directories_errno(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) == 0) {
    return 0;
  }
  const int error = errno;
  if (error == EEXIST) {
    struct stat info {};
    const bool is_directory = ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
    return is_directory ? 0 : ENOTDIR;
  }
  if (error != ENOENT || path.empty()) {
    return error;
  }
  for (std::size_t at = 1; at <= path.size(); ++at) {
    if (at < path.size() && path[at] != '/') {
      continue;
    }
    if (::mkdir(path.substr(0, at).c_str(), mode) != 0 && errno != EEXIST) {
      return errno;
    }
  }
  return 0;
}

Status make_directories(const std::string& path, unsigned mode) {
  const int error = make_directories_errno(path, mode);
  if (error != 0) {
    return system_error("make directory", path, error);
  }
  return ok();
}

Result<Fd> lock_file(const std::string& path) {
  Fd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!file) {
    return system_error("open", path, errno);
  }
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error{ErrorCode::conflict, path + " is locked by another process"};
    }
    return system_error("lock", path, errno);
  }
  return file;
}

Status name_holder(const Fd& lock) {
  // Always as long, so that a full disk has room for it from the second time on.
  const int error = write_all(lock.get(), fmt::format("{:<19}\n", ::getpid()));
  return error == 0 ? ok() : system_error("write to", "the lock", error);
}

pid_t holder_of(const std::string& path) {
  const Result<std::string> text = read_file(path);
  pid_t pid = 0;
  if (text) {
    std::from_chars(text->data(), text->data() + text->size(), pid);
  }
  return pid;
}

}  // namespace cattino::sys
