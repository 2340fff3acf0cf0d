// Comparing versions, and the link that says which programs are run.
#include "cli/versions.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>

#include <fmt/core.h>
#include <unistd.h>

#include "base/version.h"

namespace cattino::cli {

namespace {

namespace fs = std::filesystem;

int take_number(std::string_view& version) {
  int value = 0;
  const std::string_view part = version.substr(0, version.find('.'));
  std::from_chars(part.data(), part.data() + part.size(), value);
  version.remove_prefix(std::min(part.size() + 1, version.size()));
  return value;
}

/// "0.1.0" of "0.1.0-00c0ffee".
std::string version_of(const fs::path& directory) {
  const std::string name = directory.filename();
  return name.substr(0, name.rfind('-'));
}

}  // namespace

bool is_older(std::string_view version, std::string_view other) {
  while (!version.empty() || !other.empty()) {
    const int left = take_number(version);
    const int right = take_number(other);
    if (left != right) {
      return left < right;
    }
  }
  return false;
}

std::string version_hint(std::string_view server) {
  constexpr std::string_view name = "cattino/";
  if (!server.starts_with(name)) {
    return {};
  }
  const std::string_view theirs = server.substr(name.size());
  if (is_older(theirs, program_version)) {
    return fmt::format(
        "the backend that runs is of version {}, this is {}: after `meow exit --keep-tasks` the "
        "next "
        "command starts the new one, and running tasks go on",
        theirs,
        program_version);
  }
  if (is_older(program_version, theirs)) {
    return fmt::format(
        "the backend that runs is of version {}, this is {}: use that version of the command",
        theirs,
        program_version);
  }
  return {};
}

Result<std::string> prefer_programs(const std::string& kept, const std::string& binaries) {
  const std::string link = binaries + "/current";
  std::error_code error;
  const fs::path present = fs::read_symlink(link, error);
  const fs::path own = fs::path{kept}.filename();
  const bool works = !error && access((link + "/meowd").c_str(), X_OK) == 0;
  if (works && (present == own || is_older(version_of(own), version_of(present)))) {
    return link;
  }
  const std::string temporary = fmt::format("{}.{}", link, getpid());
  fs::remove(temporary, error);
  fs::create_symlink(own, temporary, error);
  if (!error) {
    fs::rename(temporary, link, error);
  }
  if (error) {
    return system_error("make the link", link, error.value());
  }
  return link;
}

}  // namespace cattino::cli
