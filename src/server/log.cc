// JSON lines on a descriptor.
#include "server/log.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/files.h"
#include "wire/json.h"

namespace cattino::server {

Result<Log> Log::open(const std::string& path) {
  constexpr off_t longest = 1024 * 1024;
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && info.st_size > longest) {
    static_cast<void>(std::rename(path.c_str(), (path + ".1").c_str()));
  }
  sys::Fd fd{::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)};
  if (!fd) {
    return system_error("open", path, errno);
  }
  return Log{std::move(fd)};
}

void Log::write(std::string_view event, Fields fields) {
  std::string line = fmt::format(
      R"({{"at":{},"pid":{},"event":{})", clock_.now().ms(), ::getpid(), wire::json_text(event));
  for (const auto& [key, value] : fields) {
    line += fmt::format(",{}:{}", wire::json_text(key), wire::json_text(value));
  }
  line += "}\n";
  static_cast<void>(sys::write_all(fd_.get(), line));
}

}  // namespace cattino::server
