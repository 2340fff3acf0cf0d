// What a command line says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cli/output.h"

namespace cattino::cli {

struct CreateOptions {
  std::string subject;                 ///< the command, or the script
  bool script = false;                 ///< `subject` is a Python file that exports tasks
  std::vector<std::string> arguments;  ///< for the command or the script
  std::string name;
  std::string group;
  std::optional<std::int32_t> priority;
  std::optional<std::uint16_t> min_devices;
  std::string memory;
  std::string cpus;
  std::string ram;
  std::optional<std::uint32_t> max_devices;
  std::string time_limit;
  std::string devices;                 ///< names, indices, UUIDs or models, between commas
  std::vector<std::string> resources;  ///< "NAME=N"
  std::optional<std::uint32_t> retries;
  std::string retry_on;  ///< codes and words, between commas
  std::string backoff;
  std::string not_before;
  bool hold = false;
  bool preemptible = false;
  std::string log_limit;
  std::vector<std::string> env;  ///< "KEY=VALUE"
  std::string directory;
  std::string name_conflict;
  std::string python;
  bool multirun = false;
};

struct RunOptions {
  std::string devices;
  std::string memory;
  std::string cpus;
};

/// Everything a verb may be told. Each verb reads what it declares and no more.
struct Options {
  std::string verb;
  Mode mode = Mode::text;
  std::vector<std::string> names;
  std::string match;  ///< --all: a regular expression
  bool everything = false;
  bool wait = false;
  std::vector<std::string> statuses;
  std::uint64_t limit = 1000;
  std::string timeout;
  bool output = false;  ///< show: stdout
  bool errors = false;  ///< logs, watch, show: stderr
  std::optional<std::uint64_t> tail;
  bool follow = false;                   ///< logs
  std::optional<std::uint32_t> attempt;  ///< logs
  std::string setting;                   ///< get, set
  std::optional<std::string> value;      ///< set
  bool to_default = false;               ///< set
  bool yes = false;
  bool keep_tasks = false;
  bool set_aside = false;          ///< test: a stored state that cannot be used
  bool end_unknown = false;        ///< test: processes that the state does not know
  std::string shell;               ///< completion
  std::vector<std::string> words;  ///< __complete: the command line so far
  CreateOptions create;
  RunOptions run;
};

/// What is to be done: a verb, or nothing more than to print a text (help, version) and leave.
struct Print {
  std::string text;
};
using Parsed = std::variant<Options, Print>;

/// `arguments` without the program's name. An error names the nearest verb or option.
Result<Parsed> parse_options(const std::vector<std::string>& arguments);

/// What could stand at the end of `words`: verbs or options that begin like the last word. `names` is
/// set if names of tasks could stand there as well, `files` if files could.
struct Completions {
  std::vector<std::string> words;
  bool names = false;
  bool files = false;
};
Completions complete(const std::vector<std::string>& words);

}  // namespace cattino::cli
