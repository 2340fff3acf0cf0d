// Looking a command up in a PATH that is not our own.
#include <algorithm>
#include <cerrno>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

#include "sys/spawn.h"

namespace cattino::sys {
namespace {

/// 0 if `path` can be executed, else an errno.
int executable_errno(const std::string& path) {
  if (::access(path.c_str(), X_OK) != 0) {
    return errno;
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return errno;
  }
  return S_ISREG(info.st_mode) ? 0 : EACCES;
}

std::string resolve(std::string_view path, const std::string& directory) {
  if (path.starts_with('/') || directory.empty()) {
    return std::string{path};
  }
  std::string resolved = directory;
  if (!path.empty() && path != ".") {
    resolved += '/';
    resolved += path;
  }
  return resolved;
}

}  // namespace

std::string find_executable(
    const std::string& name, const char* path, const std::string& directory, int& error_number) {
  error_number = ENOENT;
  if (name.empty()) {
    return {};
  }
  if (name.find('/') != std::string::npos) {
    std::string found = resolve(name, directory);
    error_number = executable_errno(found);
    return error_number == 0 ? found : std::string{};
  }
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  bool denied = false;
  while (true) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    std::string candidate = resolve(rest.substr(0, end), directory);
    candidate += '/';
    candidate += name;
    const int error = executable_errno(candidate);
    if (error == 0) {
      error_number = 0;
      return candidate;
    }
    denied = denied || error == EACCES;
    if (end == rest.size()) {
      break;
    }
    rest.remove_prefix(end + 1);
  }
  error_number = denied ? EACCES : ENOENT;
  return {};
}

}  // namespace cattino::sys
