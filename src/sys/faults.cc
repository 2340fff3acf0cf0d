// Files that arm points, looked at whenever one is passed.
#include "sys/faults.h"

#ifdef CATTINO_FAULTS

#include <csignal>
#include <cstdio>
#include <utility>

#include <fmt/core.h>
#include <unistd.h>

namespace cattino::sys {
namespace {

constexpr int most_passes = 8;

std::string& folder() {
  static std::string name;
  return name;
}

/// One pass: the file for the first pass is used up, each other one moves down by one.
bool is_due(const char* name) {
  if (folder().empty()) {
    return false;
  }
  const auto file = [name](int pass) {
    return fmt::format("{}/{}@{}", folder(), name, pass);
  };
  const bool due = ::unlink(file(1).c_str()) == 0;
  for (int pass = 2; pass <= most_passes; ++pass) {
    std::rename(file(pass).c_str(), file(pass - 1).c_str());
  }
  return due;
}

}  // namespace

void use_faults(std::string directory) {
  folder() = std::move(directory);
}

bool faults_are_used() {
  return !folder().empty();
}

void fault_point(const char* name) {
  if (is_due(name)) {
    ::kill(::getpid(), SIGKILL);
  }
}

bool fault_fails(const char* name) {
  return is_due(name);
}

}  // namespace cattino::sys

#endif
