// The program meow-supervisor: guardian or supervisor, by its arguments.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "base/version.h"
#include "supervisor/cgroups.h"
#include "supervisor/copier.h"
#include "supervisor/guardian.h"
#include "supervisor/supervisor.h"
#include "sys/faults.h"
#include "sys/files.h"

namespace cattino::supervisor {
namespace {

constexpr int exit_usage = 2;

constexpr const char* usage =
    "usage: meow-supervisor --guardian --state DIR --meowd PATH [--foreground] [--socket PATH]\n"
    "                       [--supervisor-socket PATH] [--ready-fd N] [-- ARGUMENTS OF MEOWD]\n"
    "       meow-supervisor --supervise --state DIR [--epoch N]\n"
    "       meow-supervisor --copy-logs|--copy-logs-apart LIMIT [LOG]\n"
    "       meow-supervisor --version\n"
    "The guardian is started by `meow`; the supervisor by the guardian, with its listening socket "
    "as\n"
    "descriptor 3 and a pipe for the ends of orphans as descriptor 4; what copies logs that have a "
    "limit\n"
    "(of so many bytes) by the supervisor, or by a function task: then it is nobody's child.\n";

struct Arguments {
  bool guardian = false;
  bool supervise = false;
  bool good = true;
  std::uint64_t epoch = 0;
  GuardianOptions options;
};

template <class T>
bool parse(std::string_view text, T& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size();
}

/// An option with a value. False if the name is unknown or the value is wrong.
bool take_option(Arguments& arguments, std::string_view name, const std::string& value) {
  GuardianOptions& options = arguments.options;
  if (name == "--state") {
    options.state_directory = value;
  } else if (name == "--meowd") {
    options.daemon_path = value;
  } else if (name == "--socket") {
    options.socket = value;
  } else if (name == "--supervisor-socket") {
    options.supervisor_socket = value;
  } else if (name == "--ready-fd") {
    return parse(value, options.ready_fd);
  } else if (name == "--epoch") {
    return parse(value, arguments.epoch);
  } else {
    return false;
  }
  return true;
}

Arguments parse_arguments(const std::vector<std::string>& words) {
  Arguments arguments;
  for (std::size_t at = 0; at < words.size() && arguments.good; ++at) {
    const std::string& word = words[at];
    if (word == "--guardian") {
      arguments.guardian = true;
    } else if (word == "--supervise") {
      arguments.supervise = true;
    } else if (word == "--foreground") {
      arguments.options.foreground = true;
    } else if (word == "--") {
      const auto rest = words.begin() + static_cast<std::ptrdiff_t>(at) + 1;
      arguments.options.daemon_arguments.assign(rest, words.end());
      break;
    } else {
      arguments.good = at + 1 < words.size() && take_option(arguments, word, words[at + 1]);
      ++at;
    }
  }
  const bool one_role = arguments.guardian != arguments.supervise;
  const bool has_daemon = arguments.supervise || !arguments.options.daemon_path.empty();
  arguments.good = arguments.good && one_role && has_daemon &&
                   arguments.options.state_directory.starts_with('/');
  return arguments;
}

/// The folder of faults; in builds for use nobody looks there.
std::string faults() {
  const char* value =
      std::getenv("CATTINO_FAULTS");  // NOLINT(concurrency-mt-unsafe): no thread yet
  return value != nullptr ? value : "";
}

int run(const std::vector<std::string>& words) {
  sys::use_faults(faults());
  if (words.size() == 1 && words.front() == "--version") {
    fmt::print("meow-supervisor {}\n", program_version);
    return 0;
  }
  std::uint64_t limit = 0;
  const bool apart = !words.empty() && words.front() == "--copy-logs-apart";
  if (words.size() >= 2 && (apart || words.front() == "--copy-logs") && parse(words[1], limit)) {
    return apart ? copy_logs_apart(limit) : copy_logs(limit);
  }
  Arguments arguments = parse_arguments(words);
  if (!arguments.good) {
    sys::complain(usage);
    return exit_usage;
  }
  CgroupUse cgroups = CgroupUse::automatic;
  const char* const wish =
      std::getenv("CATTINO_CGROUPS");  // NOLINT(concurrency-mt-unsafe): no threads yet
  if (wish != nullptr && !parse_cgroup_use(wish, cgroups)) {
    sys::complain(fmt::format(
        "meow-supervisor: CATTINO_CGROUPS is `{}`, but must be auto, no-kill or off\n", wish));
    return exit_usage;
  }
  const std::string& state = arguments.options.state_directory;
  if (const Status made = sys::make_directories(state, 0700); !made) {
    sys::complain(fmt::format("meow-supervisor: {}\n", made.error().message));
    return 1;
  }
  if (arguments.guardian) {
    return guard(std::move(arguments.options));
  }
  return supervise({state, arguments.epoch, 3, 4, cgroups});
}

}  // namespace
}  // namespace cattino::supervisor

int main(int count, char** words) {
  return cattino::supervisor::run({words + 1, words + count});
}
