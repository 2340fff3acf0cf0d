// meowd: reads its options and environment, and runs the daemon.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "base/version.h"
#include "server/daemon.h"
#include "sys/faults.h"
#include "sys/files.h"

namespace cattino::server {

namespace {

constexpr std::string_view usage =
    "usage: meowd --state DIR (--socket-fd N | --socket PATH) [--home DIR]\n"
    "             [--supervisor-socket PATH] [--settings PATH] [--version]\n"
    "The daemon of cattino; `meow` starts it.\n";
constexpr int wrong_usage = 2;

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): no thread yet
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
  return whole && value >= 0 ? std::optional<T>(value) : std::nullopt;
}

/// Nothing if an option is not known, has no value, or a needed one is missing.
std::optional<Options> read(const std::vector<std::string>& words) {
  Options options;
  options.guardian_pid =
      number<std::int64_t>(variable("CATTINO_GUARDIAN_PID").value_or("")).value_or(0);
  options.supervisor_pid =
      number<std::int64_t>(variable("CATTINO_SUPERVISOR_PID").value_or("")).value_or(0);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const std::string& name = words[i];
    const std::string& value = words[i + 1];
    if (name == "--state") {
      options.state = value;
    } else if (name == "--home") {
      options.home = value;
    } else if (name == "--socket") {
      options.socket = value;
    } else if (name == "--supervisor-socket") {
      options.supervisor_socket = value;
    } else if (name == "--settings") {
      options.settings = value;
    } else if (name == "--socket-fd" && number<int>(value)) {
      options.socket_fd = *number<int>(value);
    } else {
      return std::nullopt;
    }
  }
  const bool complete =
      !options.state.empty() && (options.socket_fd >= 0 || !options.socket.empty());
  return words.size() % 2 == 0 && complete ? std::optional(options) : std::nullopt;
}

int main_of(const std::vector<std::string>& words) {
  sys::use_faults(variable("CATTINO_FAULTS").value_or(""));
  if (words == std::vector<std::string>{"--version"}) {
    fmt::print("meowd {}\n", program_version);
    return 0;
  }
  const std::optional<Options> options = read(words);
  if (!options) {
    sys::complain(usage);
    return wrong_usage;
  }
  const Result<int> status = run_daemon(*options, variable);
  if (!status) {
    sys::complain(fmt::format("meowd: {}\n", status.error().message));
    if (!status.error().hint.empty()) {
      sys::complain(fmt::format("  {}\n", status.error().hint));
    }
    return ExitStatus::failed;
  }
  return *status;
}

}  // namespace

}  // namespace cattino::server

int main(int count, char** words) {
  return cattino::server::main_of({words + 1, words + count});
}
