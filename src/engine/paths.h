// Where the logs of a task, a group and an attempt are, and what else lies beside them.
#pragma once

#include <cstdint>
#include <string>

#include <fmt/core.h>

namespace cattino::engine {

/// `run_dir`/`fullname`: the directory of a task or group.
inline std::string log_directory(const std::string& run_dir, const std::string& fullname) {
  return run_dir + "/" + fullname;
}

/// "stdout.log", for attempt n > 1 "stdout.n.log".
inline std::string attempt_path(
    const std::string& directory, const char* stem, std::uint32_t attempt, const char* extension) {
  return attempt > 1 ? fmt::format("{}/{}.{}.{}", directory, stem, attempt, extension)
                     : fmt::format("{}/{}.{}", directory, stem, extension);
}

/// `stream` is stdout or stderr.
inline std::string log_path(
    const std::string& directory, const char* stream, std::uint32_t attempt) {
  return attempt_path(directory, stream, attempt, "log");
}

}  // namespace cattino::engine
