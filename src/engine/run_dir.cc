// Making run directories.
#include "engine/run_dir.h"

#include <cerrno>
#include <ctime>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <sys/stat.h>

#include "sys/files.h"

namespace cattino::engine {

namespace {

constexpr unsigned most_clashes = 100'000;

/// A layout may end with the place of each task's logs, which is below its run directory in any case.
std::string_view without_task(std::string_view format) {
  for (const std::string_view end : {"/${fullname}", "/${fullpath}"}) {
    if (format.ends_with(end)) {
      return format.substr(0, format.size() - end.size());
    }
  }
  return format;
}

Result<std::string> formatted(const std::string& whole, Time now) {
  const std::string format(without_task(whole));
  const std::time_t seconds = now.us / 1'000'000;
  std::tm local{};
  if (::localtime_r(&seconds, &local) == nullptr) {
    return Error{ErrorCode::system, "the local time cannot be told"};
  }
  std::vector<char> buffer(4096);
  const std::size_t size = std::strftime(buffer.data(), buffer.size(), format.c_str(), &local);
  const std::string text(buffer.data(), size);
  if (text.empty() || text.front() == '/' || text.find("${") != std::string::npos ||
      ("/" + text + "/").find("/../") != std::string::npos) {
    return Error{
        ErrorCode::invalid,
        fmt::format("`{}` is no format for a directory below the home", whole),
        "submission.date_format"};
  }
  return text;
}

}  // namespace

Result<std::string> RunDirs::make(const std::string& format, Time now) {
  Result<std::string> text = formatted(format.empty() ? default_date_format : format, now);
  if (!text) {
    return text;
  }
  const std::string base = home_ + "/" + text.value();
  if (const Status made = sys::make_directories(sys::directory_of(base)); !made) {
    return made.error();
  }
  unsigned number = base == last_base_ ? last_number_ + 1 : 1;
  for (; number < most_clashes; ++number) {
    const std::string path = number == 1 ? base : fmt::format("{}-{}", base, number);
    if (::mkdir(path.c_str(), 0777) == 0) {
      last_base_ = base;
      last_number_ = number;
      return path;
    }
    if (errno != EEXIST) {
      return system_error("make a directory for logs", path, errno);
    }
  }
  return Error{ErrorCode::conflict, base + ": too many submissions have this directory's name"};
}

}  // namespace cattino::engine
