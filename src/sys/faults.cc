// Files that arm points, looked at whenever one is passed.
#include "sys/faults.h"

#ifdef CATTINO_FAULTS

#include <charconv>
#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>

#include <fmt/core.h>
#include <unistd.h>

#include "sys/files.h"

namespace cattino::sys {
namespace {

constexpr int most_passes = 8;

std::string& folder() {
  static std::string name;
  return name;
}

/// One pass: the file for the first pass is used up, each other one moves down by one. The content of the
/// file if the point is due.
std::optional<std::string> take(const char* name) {
  if (folder().empty()) {
    return std::nullopt;
  }
  const auto file = [name](int pass) {
    return fmt::format("{}/{}@{}", folder(), name, pass);
  };
  const Result<std::string> content = read_file(file(1));  // before it goes
  const bool due = ::unlink(file(1).c_str()) == 0;
  for (int pass = 2; pass <= most_passes; ++pass) {
    std::rename(file(pass).c_str(), file(pass - 1).c_str());
  }
  return due ? std::optional(content ? *content : std::string()) : std::nullopt;
}

pid_t victim_of(const std::string& content) {
  pid_t pid = 0;
  std::from_chars(content.data(), content.data() + content.size(), pid);
  return pid > 0 ? pid : ::getpid();
}

}  // namespace

void use_faults(std::string directory) {
  folder() = std::move(directory);
}

bool faults_are_used() {
  return !folder().empty();
}

void fault_point(const char* name) {
  if (const std::optional<std::string> content = take(name)) {
    ::kill(victim_of(*content), SIGKILL);
  }
}

bool fault_fails(const char* name) {
  return take(name).has_value();
}

}  // namespace cattino::sys

#endif
