// The one table of settings: keys, defaults, documentation, and how each value is checked.
#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include <fmt/core.h>

#include "base/text.h"
#include "settings/settings.h"

namespace cattino::settings {

namespace {

Error refused(std::string_view value, std::string_view what, std::string_view hint) {
  return {
      .code = ErrorCode::invalid,
      .message = fmt::format("'{}' {}", value, what),
      .hint = std::string(hint)};
}

Entry text_entry(std::string key, std::string Settings::*field, std::string doc) {
  Entry entry{std::move(key), Type::text, Settings{}.*field, std::move(doc), {}, {}, {}};
  entry.apply = [field](Settings& settings, std::string_view value) -> Status {
    if (value.find('\0') != std::string_view::npos || !is_utf8(value)) {
      return refused("…", "is not text", "write UTF-8 without NUL bytes");
    }
    settings.*field = std::string(value);
    return ok();
  };
  entry.shown = [field](const Settings& settings) {
    return settings.*field;
  };
  return entry;
}

Entry choice_entry(
    std::string key,
    std::string Settings::*field,
    std::vector<std::string> choices,
    std::string doc) {
  Entry entry{
      std::move(key), Type::choice, Settings{}.*field, std::move(doc), std::move(choices), {}, {}};
  entry.apply = [field, words = entry.choices](
                    Settings& settings, std::string_view value) -> Status {
    if (std::find(words.begin(), words.end(), value) != words.end()) {
      settings.*field = std::string(value);
      return ok();
    }
    std::string hint = "write one of:";
    for (const std::string& word : words) {
      hint += " " + word;
    }
    const auto meant = nearest(value, words);
    return refused(
        value, "is not a choice" + (meant ? fmt::format(" (did you mean {}?)", *meant) : ""), hint);
  };
  entry.shown = [field](const Settings& settings) {
    return settings.*field;
  };
  return entry;
}

Entry boolean_entry(std::string key, bool Settings::*field, std::string doc) {
  const char* shown = Settings{}.*field ? "true" : "false";
  Entry entry{std::move(key), Type::boolean, shown, std::move(doc), {}, {}, {}};
  entry.apply = [field](Settings& settings, std::string_view value) -> Status {
    if (value != "true" && value != "false") {
      return refused(value, "is neither true nor false", "write true or false");
    }
    settings.*field = value == "true";
    return ok();
  };
  entry.shown = [field](const Settings& settings) -> std::string {
    return settings.*field ? "true" : "false";
  };
  return entry;
}

/// As it may be typed: "1h30m".
std::string duration_text(Duration duration) {
  std::string text;
  std::int64_t rest = duration.ms();
  for (const auto& [unit, ms] :
       {std::pair("d", 86'400'000LL),
        {"h", 3'600'000LL},
        {"m", 60'000LL},
        {"s", 1000LL},
        {"ms", 1LL}}) {
    if (rest / ms > 0) {
      text += fmt::format("{}{}", rest / ms, unit);
      rest %= ms;
    }
  }
  return text.empty() ? "0s" : text;
}

Entry duration_entry(std::string key, Duration Settings::*field, std::string doc) {
  Entry entry{
      std::move(key), Type::duration, duration_text(Settings{}.*field), std::move(doc), {}, {}, {}};
  entry.apply = [field](Settings& settings, std::string_view value) -> Status {
    const Result<Duration> duration = parse_duration(value);
    if (!duration) {
      return duration.error();
    }
    settings.*field = *duration;
    return ok();
  };
  entry.shown = [field](const Settings& settings) {
    return duration_text(settings.*field);
  };
  return entry;
}

/// "100MiB"; empty or 0: none.
Entry size_entry(std::string key, Mib Settings::*field, std::string doc) {
  Entry entry{std::move(key), Type::size, "", std::move(doc), {}, {}, {}};
  entry.apply = [field](Settings& settings, std::string_view value) -> Status {
    constexpr Mib most{std::int64_t{1} << 40U};
    const Result<Mib> size = value.empty() ? Mib{} : parse_mib(value);
    if (!size) {
      return size.error();
    }
    if (*size > most) {
      return refused(value, "is more than can be written", "write a size such as 100MiB");
    }
    settings.*field = *size;
    return ok();
  };
  entry.shown = [field](const Settings& settings) -> std::string {
    const Mib size = settings.*field;
    return size == Mib{} ? "" : fmt::format("{}MiB", size.value);
  };
  return entry;
}

/// "8", "0.5": thousandths of a core; digits after the third must be zeros.
std::optional<Millicores> parse_cores(std::string_view text) {
  constexpr std::int64_t thousand = 1000;
  constexpr std::int64_t most = 1'000'000;
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string fraction(point == std::string_view::npos ? "" : text.substr(point + 1));
  while (fraction.ends_with('0')) {
    fraction.pop_back();
  }
  fraction.resize(std::max<std::size_t>(fraction.size(), 3), '0');
  const std::string digits = std::string(whole) + fraction;
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  const bool good = error == std::errc() && stop == end && !whole.empty() && fraction.size() == 3;
  return good && value > 0 && value <= most * thousand ? std::optional(Millicores{value})
                                                       : std::nullopt;
}

Entry cores_entry(std::string key, std::optional<Millicores> Settings::*field, std::string doc) {
  Entry entry{std::move(key), Type::cores, "", std::move(doc), {}, {}, {}};
  entry.apply = [field](Settings& settings, std::string_view value) -> Status {
    if (value.empty()) {
      settings.*field = std::nullopt;
      return ok();
    }
    const std::optional<Millicores> cores = parse_cores(value);
    if (!cores) {
      return refused(value, "is not a number of cores", "write a number such as 8 or 7.5");
    }
    settings.*field = *cores;
    return ok();
  };
  entry.shown = [field](const Settings& settings) -> std::string {
    const std::optional<Millicores> cores = settings.*field;
    if (!cores) {
      return {};
    }
    std::string text = fmt::format("{}.{:03}", cores->value / 1000, cores->value % 1000);
    text.erase(text.find_last_not_of('0') + 1);
    return text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
  };
  return entry;
}

Entry count_entry(
    std::string key, std::uint32_t Settings::*field, std::int64_t most, std::string doc) {
  Entry entry{
      std::move(key),
      Type::count,
      fmt::format("{}", Settings{}.*field),
      std::move(doc),
      {},
      {},
      {}};
  entry.apply = [field, most](Settings& settings, std::string_view value) -> Status {
    const std::optional<std::int64_t> count = parse_whole(value);
    if (!count || *count < 0 || *count > most) {
      return refused(
          value, "is not a number of them", fmt::format("write a whole number from 0 to {}", most));
    }
    settings.*field = static_cast<std::uint32_t>(*count);
    return ok();
  };
  entry.shown = [field](const Settings& settings) {
    return fmt::format("{}", settings.*field);
  };
  return entry;
}

using Amounts = std::map<std::string, std::int64_t>;

/// "disk=4, licence=2".
Result<Amounts> parse_amounts(std::string_view text) {
  Amounts amounts;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = part.rfind('=');
    if (part.empty() && trimmed(text).empty()) {
      continue;
    }
    const std::string_view name = trimmed(part.substr(0, equals));
    const bool has_amount = equals != std::string_view::npos;
    const std::int64_t amount =
        has_amount ? parse_whole(trimmed(part.substr(equals + 1))).value_or(0) : 0;
    if (!is_resource_name(name) || amount < 1) {
      return refused(
          part,
          "is not the name of a resource and how much there is",
          "write a name and a whole number ≥ 1, such as licence = 2");
    }
    amounts[std::string(name)] = amount;
  }
  return amounts;
}

Entry amounts_entry(std::string key, Amounts Settings::*field, std::string doc) {
  Entry entry{std::move(key), Type::amounts, "", std::move(doc), {}, {}, {}};
  entry.apply = [field](Settings& settings, std::string_view value) -> Status {
    Result<Amounts> amounts = parse_amounts(value);
    if (!amounts) {
      return amounts.error();
    }
    settings.*field = std::move(*amounts);
    return ok();
  };
  entry.shown = [field](const Settings& settings) {
    std::string text;
    for (const auto& [name, amount] : settings.*field) {
      text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, amount);
    }
    return text;
  };
  return entry;
}

/// Of the machine, the backend and its tasks.
std::vector<Entry> common_entries() {
  using S = Settings;
  return {
      text_entry(
          "devices",
          &S::devices,
          "devices to schedule on, such as `4x24GiB` or `2x24GiB,1x80GiB:a100`; `none` for a "
          "machine "
          "without accelerators; empty: look at the hardware"),
      cores_entry("cpus", &S::cpus, "cores to schedule on; empty: all that the machine has"),
      choice_entry(
          "override-exist-tasks",
          &S::override_exist_tasks,
          {"forbid", "allow", "rename"},
          "a new task with the name of one that has not ended: refuse the submission, cancel the "
          "old "
          "one first, or add a number to the name"),
      boolean_entry(
          "cascade-cancel-on-failure",
          &S::cascade_cancel_on_failure,
          "cancel tasks that can never run because one they need failed; `false`: they wait"),
      duration_entry(
          "shutdown-after-idle",
          &S::shutdown_after_idle,
          "how long the daemon stays with nothing to do and nobody asking"),
      boolean_entry(
          "shutdown-on-complete",
          &S::shutdown_on_complete,
          "leave as soon as nothing is left to do"),
      text_entry(
          "shell",
          &S::shell,
          "the command that runs command lines with shell syntax, which is added as its last word; "
          "empty: `bash -o pipefail -c`, or `/bin/sh -c` where there is no bash"),
      size_entry(
          "log-limit",
          &S::log_limit,
          "how much of a task's output each of its logs takes, such as `100MiB`, for tasks that do "
          "not say "
          "it themselves; the rest is thrown away; empty: all is kept"),
      choice_entry(
          "enforce",
          &S::enforce,
          {"nothing", "ram", "cpus", "all"},
          "what of a task's request the kernel holds it to, through cgroups: one that wants more "
          "than "
          "its `ram` is ended, one with more to do than its `cpus` can waits"),
      duration_entry(
          "grace", &S::grace, "how long a task that is stopped may take before it is killed"),
      duration_entry(
          "hook-timeout",
          &S::hook_timeout,
          "how long a hook may take, for tasks and groups that do not say it themselves; then it "
          "fails; 0: "
          "as long as it likes"),
  };
}

/// Of the queue and its history.
std::vector<Entry> queue_entries() {
  using S = Settings;
  return {
      amounts_entry(
          "resources",
          &S::resources,
          "counters that tasks may ask for, with how much there is of each: licences, slots; a "
          "table "
          "of its own in the file, with lines such as `licence = 2`"),
      duration_entry(
          "reserve-after",
          &S::reserve_after,
          "how long the first task that does not fit waits before what it needs is kept for it; at "
          "once if all that runs has a time limit"),
      count_entry(
          "reservations",
          &S::reservations,
          1000,
          "for how many tasks that do not fit room is kept; 0: for none, tasks that fit always "
          "pass"),
      duration_entry(
          "aging",
          &S::aging,
          "waiting for so long counts as one of priority, so that none waits for ever; 0: priority "
          "alone decides"),
      duration_entry(
          "history-age",
          &S::history_age,
          "submissions all of whose tasks ended so long ago are forgotten, their logs are not; 0: "
          "never"),
      count_entry(
          "history-size",
          &S::history_size,
          1'000'000'000,
          "how many tasks that have ended are remembered: the oldest submissions beyond are "
          "forgotten; "
          "0: any number"),
  };
}

std::vector<Entry> make_table() {
  std::vector<Entry> table = common_entries();
  std::vector<Entry> more = queue_entries();
  std::move(more.begin(), more.end(), std::back_inserter(table));
  return table;
}

std::string type_words(const Entry& entry) {
  switch (entry.type) {
    case Type::text:
      return "text";
    case Type::cores:
      return "number";
    case Type::boolean:
      return "true or false";
    case Type::duration:
      return "length of time";
    case Type::size:
      return "size";
    case Type::count:
      return "whole number";
    case Type::amounts:
      return "table of whole numbers";
    case Type::choice:
      break;
  }
  std::string text;
  for (const std::string& choice : entry.choices) {
    text += (text.empty() ? "`" : ", `") + choice + "`";
  }
  return text;
}

/// Names the nearest key; all of them if none is near.
Error no_such_setting(std::string_view key) {
  std::vector<std::string> keys;
  std::string all;
  for (const Entry& entry : table()) {
    keys.push_back(entry.key);
    all += " " + entry.key;
  }
  const auto meant = nearest(key, keys);
  return {
      .code = ErrorCode::not_found,
      .message = fmt::format("there is no setting '{}'", key),
      .field = std::string(key),
      .hint = meant ? fmt::format("did you mean {}?", *meant) : "the settings are:" + all};
}

}  // namespace

bool is_resource_name(std::string_view name) {
  constexpr std::size_t longest = 256;
  const auto is_wrong = [](unsigned char c) {
    return c <= ' ' || c == ',' || c == '=' || c == 0x7f;
  };
  return !name.empty() && name.size() <= longest && is_utf8(name) &&
         std::none_of(name.begin(), name.end(), is_wrong);
}

const std::vector<Entry>& table() {
  static const std::vector<Entry> entries = make_table();
  return entries;
}

const Entry* find(std::string_view key) {
  const auto found = std::find_if(
      table().begin(), table().end(), [&](const Entry& entry) { return entry.key == key; });
  return found != table().end() ? &*found : nullptr;
}

Status apply(Settings& settings, std::string_view key, std::string_view value) {
  const Entry* entry = find(key);
  if (entry == nullptr) {
    return no_such_setting(key);
  }
  Status applied = entry->apply(settings, value);
  if (!applied) {
    applied.error().field = entry->key;
  }
  return applied;
}

std::string reference_markdown() {
  std::string page = "| key | value | default | meaning |\n|---|---|---|---|\n";
  for (const Entry& entry : table()) {
    const std::string shown =
        entry.default_text.empty() ? "" : fmt::format("`{}`", entry.default_text);
    page +=
        fmt::format("| `{}` | {} | {} | {} |\n", entry.key, type_words(entry), shown, entry.doc);
  }
  return page;
}

}  // namespace cattino::settings
