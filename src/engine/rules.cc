// Checks of single lines of new work.
#include "engine/rules.h"

#include <algorithm>
#include <functional>

#include <fmt/core.h>

#include "base/text.h"
#include "settings/settings.h"

namespace cattino::engine {

namespace {

Error invalid(std::string field, std::string message) {
  return {ErrorCode::invalid, std::move(message), std::move(field)};
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

Status check_component(std::string_view part) {
  if (part.empty()) {
    return invalid("name", "a name or a part of it is empty");
  }
  if (part == "." || part == "..") {
    return invalid("name", fmt::format("`{}` is no name: it is a directory", part));
  }
  if (part.size() > most_name_bytes) {
    return invalid(
        "name", fmt::format("a name has {} bytes; at most {}", part.size(), most_name_bytes));
  }
  const std::size_t mark = part.rfind('#');
  if (mark != std::string_view::npos && is_number(part.substr(mark + 1))) {
    return invalid(
        "name", fmt::format("`{}` is no name: `#` and a number stand for the id of a task", part));
  }
  const bool control =
      std::any_of(part.begin(), part.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (control || !is_utf8(part)) {
    return invalid("name", "a name has a control character, or is no UTF-8");
  }
  return ok();
}

Status check_command(const std::vector<std::string>& words) {
  if (words.size() != 1 || words.front().find_first_not_of(" \t\r\n") == std::string::npos) {
    return invalid("command", "the command is empty");
  }
  // A here-document may hold quotes that are never closed; a shell knows.
  if (words.front().find("<<") == std::string::npos) {
    if (const Result<CommandWords> split = split_command(words.front()); !split) {
      return invalid("command", split.error().message);
    }
  }
  return ok();
}

}  // namespace

Status check_name(std::string_view name, bool slashes) {
  while (slashes) {
    const std::size_t slash = name.find('/');
    if (slash == std::string_view::npos) {
      break;
    }
    if (Status part = check_component(name.substr(0, slash)); !part) {
      return part;
    }
    name.remove_prefix(slash + 1);
  }
  if (name.find('/') != std::string_view::npos) {
    return invalid("name", "a group's name holds no `/`: put a group inside a group");
  }
  return check_component(name);
}

namespace {

Status check_surroundings(const Staging::NewTask& task) {
  for (const auto& [name, value] : task.variables) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value)) {
      return invalid("env", fmt::format("`{}` is no variable that can be set", name));
    }
  }
  if (has_nul(task.directory)) {
    return invalid("cwd", "a path holds no NUL byte");
  }
  return ok();
}

Status check_devices(const core::Request& request) {
  if (request.max_devices != 0 && request.max_devices < request.min_devices) {
    return invalid(
        "request.max_devices",
        fmt::format(
            "expected an integer ≥ min_devices ({}), got {}",
            request.min_devices,
            request.max_devices));
  }
  if (request.max_devices != 0 && request.min_devices == 0) {
    return invalid(
        "request.max_devices", "a task whose min_devices is 0 has no device, so it takes no more");
  }
  if (request.pins.size() > most_pins) {
    return invalid(
        "request.devices",
        fmt::format("expected at most {} words, got {}", most_pins, request.pins.size()));
  }
  for (std::size_t i = 0; i < request.pins.size(); ++i) {
    const std::string& pin = request.pins[i];
    if (pin.empty() || pin.size() > most_word_bytes || has_nul(pin) || !is_utf8(pin)) {
      return invalid(
          fmt::format("request.devices[{}]", i),
          fmt::format(
              "expected a device's name, index, UUID or model, of at most {} bytes",
              most_word_bytes));
    }
  }
  return ok();
}

Status check_resources(const std::vector<core::CounterAmount>& counters) {
  if (counters.size() > most_resources) {
    return invalid(
        "request.resources",
        fmt::format("expected at most {} of them, got {}", most_resources, counters.size()));
  }
  for (std::size_t i = 0; i < counters.size(); ++i) {
    const auto& [name, amount] = counters[i];
    if (!settings::is_resource_name(name)) {
      return invalid(
          "request.resources",
          "the name of a resource has no spaces, commas or `=`, and some text");
    }
    if (i > 0 && name <= counters[i - 1].name) {
      return invalid("request.resources", fmt::format("`{}` is there twice", name));
    }
    if (amount < 1) {
      return invalid(
          "request.resources." + name, fmt::format("expected an integer ≥ 1, got {}", amount));
    }
  }
  return ok();
}

Status check_request(const core::Request& request) {
  if (request.cpus.value < -1 || request.ram.value < 0 || request.memory.value < 0) {
    return invalid("request", "amounts are not negative");
  }
  if (request.time_limit.us < 0) {
    return invalid("request.time_limit", "a time limit is longer than nothing");
  }
  if (Status devices = check_devices(request); !devices) {
    return devices;
  }
  return check_resources(request.counters);
}

Status check_retry(const core::RetryPolicy& retry) {
  if (retry.backoff.us < 0 || retry.longest_backoff < retry.backoff) {
    return invalid(
        retry.backoff.us < 0 ? "backoff" : "longest_backoff",
        "expected a length of time, and the longest not below the first");
  }
  const bool rising =
      std::adjacent_find(
          retry.codes.begin(), retry.codes.end(), std::greater_equal<std::uint8_t>()) ==
      retry.codes.end();
  if (!rising || (!retry.codes.empty() && retry.codes.front() == 0)) {
    return invalid("retry_on", "expected exit codes from 1 to 255, each once");
  }
  return ok();
}

}  // namespace

Status check_wishes(const Staging::NewTask& task) {
  const Status request = check_request(task.request);
  return request ? check_retry(task.retry) : request;
}

Status check_program(const Staging::NewTask& task) {
  const std::vector<std::string>& words = task.program.words;
  switch (task.program.kind) {
    case store::ProgramKind::command:
      if (Status command = check_command(words); !command) {
        return command;
      }
      break;
    case store::ProgramKind::argv:
      if (words.empty() || words.front().empty()) {
        return invalid("argv", "there is no program to run");
      }
      break;
    case store::ProgramKind::function:
      if (task.object < 0) {
        return invalid("object", "a function needs the object that is called");
      }
      break;
  }
  if (std::any_of(words.begin(), words.end(), has_nul)) {
    return invalid(
        task.program.kind == store::ProgramKind::argv ? "argv" : "command",
        "a NUL byte cannot be passed to a program");
  }
  return check_surroundings(task);
}

}  // namespace cattino::engine
