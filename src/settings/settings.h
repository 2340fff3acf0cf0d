// The settings: one table for the daemon, the command line and the documentation, and the file they are
// read from.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/amounts.h"
#include "base/result.h"
#include "base/time.h"

namespace cattino::settings {

/// What holds when nobody says otherwise. Each field is a key of `table()`.
struct Settings {
  std::string devices;                          ///< "": look at the hardware; "4x24GiB": declared
  std::optional<Millicores> cpus;               ///< unset: the machine's
  std::string override_exist_tasks = "forbid";  ///< forbid | allow | rename
  bool cascade_cancel_on_failure = true;
  Duration shutdown_after_idle = Duration::seconds(3600);
  bool shutdown_on_complete = false;
  std::string enforce = "nothing";  ///< nothing | ram | cpus | all
  Mib log_limit;                    ///< that each log of a task may take; 0: any
  std::string shell;                ///< "": bash -o pipefail -c, or /bin/sh -c
  Duration grace = Duration::seconds(30);
  Duration hook_timeout = Duration::seconds(3600);  ///< 0: none
  std::map<std::string, std::int64_t>
      resources;  ///< counters that tasks may ask for, with their totals
  Duration reserve_after = Duration::seconds(600);
  std::uint32_t reservations = 1;
  Duration aging;                                         ///< 0: none
  Duration history_age = Duration::seconds(90 * 86'400);  ///< 0: for ever
  std::uint32_t history_size = 1'000'000;                 ///< 0: any number
};

enum class Type : std::uint8_t { text, cores, choice, boolean, duration, size, count, amounts };

/// The name of a resource: text without spaces, commas, `=` and control characters.
bool is_resource_name(std::string_view name);

/// One setting. `apply` checks a value, given as text, and stores it.
struct Entry {
  std::string key;
  Type type = Type::text;
  std::string default_text;
  std::string doc;                   ///< one line
  std::vector<std::string> choices;  ///< of a `choice`
  std::function<Status(Settings& settings, std::string_view value)> apply;
  std::function<std::string(const Settings& settings)> shown;  ///< its value as text
};

/// All settings, in the order in which the documentation lists them.
const std::vector<Entry>& table();

/// The setting with this key; null if there is none.
const Entry* find(std::string_view key);

/// The value of an environment variable; nothing if it is not set. Mains pass getenv, tests a map.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// `$CATTINO_SETTINGS`, else `${XDG_CONFIG_HOME:-~/.config}/cattino/settings.toml`.
Result<std::string> default_path(const Environment& environment);

/// Reads the text of the file at `path`. Errors are as those of `load`.
Result<Settings> parse(const std::string& path, std::string_view text);

/// Reads a file. Errors are `file:line:column: …` and name the nearest key.
Result<Settings> load(const std::string& path);

/// Reads the file of `default_path`; a file that is not there is no error unless $CATTINO_SETTINGS
/// names it. Then $CATTINO_DEVICES, if set, is the setting `devices`.
Result<Settings> load_default(const Environment& environment);

/// Sets one key from text, as `meow set KEY VALUE` does. An error names the key and what is accepted.
Status apply(Settings& settings, std::string_view key, std::string_view value);

/// The table as a page of documentation.
std::string reference_markdown();

/// The environment variables that are read, and those that tasks get, likewise.
std::string variables_markdown();

}  // namespace cattino::settings
