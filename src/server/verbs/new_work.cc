// Checks and conversions of what is submitted. What needs to know other lines is the engine's to check.
#include "server/verbs/new_work.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>
#include <sys/resource.h>

#include "base/text.h"
#include "server/limits.h"
#include "server/verbs/wishes.h"

namespace cattino::server::verbs {

namespace {

Error invalid(std::string field, std::string message, std::string hint = {}) {
  return {ErrorCode::invalid, std::move(message), std::move(field), std::move(hint)};
}

struct LimitName {
  std::string_view name;
  std::uint8_t resource;
};

constexpr std::array limit_names = {
    LimitName{"cpu", RLIMIT_CPU},
    LimitName{"fsize", RLIMIT_FSIZE},
    LimitName{"data", RLIMIT_DATA},
    LimitName{"stack", RLIMIT_STACK},
    LimitName{"core", RLIMIT_CORE},
    LimitName{"rss", RLIMIT_RSS},
    LimitName{"nproc", RLIMIT_NPROC},
    LimitName{"nofile", RLIMIT_NOFILE},
    LimitName{"memlock", RLIMIT_MEMLOCK},
    LimitName{"as", RLIMIT_AS},
    LimitName{"sigpending", RLIMIT_SIGPENDING},
    LimitName{"msgqueue", RLIMIT_MSGQUEUE},
    LimitName{"nice", RLIMIT_NICE},
    LimitName{"rtprio", RLIMIT_RTPRIO},
    LimitName{"rttime", RLIMIT_RTTIME},
};

Status check_part(std::string_view part) {
  constexpr std::size_t longest = 255;
  constexpr unsigned char first_printable = 0x20;
  constexpr unsigned char rubout = 0x7F;
  if (part.empty()) {
    return invalid("name", "a name is not empty, nor is a part of it between slashes");
  }
  if (part == "." || part == "..") {
    return invalid("name", fmt::format("'{}' cannot be a name", part));
  }
  if (part.size() > longest) {
    return invalid(
        "name", fmt::format("a name has at most {} bytes, not {}", longest, part.size()));
  }
  for (const char c : part) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < first_printable || byte == rubout) {
      return invalid("name", "a name has no control characters");
    }
  }
  return is_utf8(part) ? ok() : Status{invalid("name", "a name is UTF-8")};
}

/// A task's name may have several parts, a group's has one.
Status check_name(std::string_view name, bool several) {
  if (!several && name.find('/') != std::string_view::npos) {
    return invalid("name", fmt::format("the name of a group has no '/': '{}'", name));
  }
  while (true) {
    const std::size_t slash = name.find('/');
    if (Status part = check_part(name.substr(0, slash)); !part) {
      return part;
    }
    if (slash == std::string_view::npos) {
      return ok();
    }
    name.remove_prefix(slash + 1);
  }
}

Status check_variables(const std::string& field, const wire::Dictionary<std::string>& variables) {
  for (const auto& item : variables) {
    if (item.first.empty() ||
        item.first.find_first_of(std::string_view{"=\0", 2}) != std::string::npos) {
      return invalid(field, fmt::format("'{}' cannot be the name of a variable", item.first));
    }
  }
  return ok();
}

Error unknown_limit(const std::string& name) {
  std::vector<std::string> names;
  names.reserve(limit_names.size());
  for (const LimitName& each : limit_names) {
    names.emplace_back(each.name);
  }
  const std::optional<std::string> near = nearest(name, names);
  return invalid(
      "limits." + name,
      near ? fmt::format("unknown limit (did you mean '{}'?)", *near) : "unknown limit");
}

Result<std::vector<store::ResourceLimit>> limits_of(
    const wire::Dictionary<std::array<std::int64_t, 2>>& limits) {
  std::vector<store::ResourceLimit> result;
  for (const auto& [name, values] : limits) {
    const auto* const known =
        std::find_if(limit_names.begin(), limit_names.end(), [&n = name](const auto& each) {
          return each.name == n;
        });
    if (known == limit_names.end()) {
      return unknown_limit(name);
    }
    store::ResourceLimit limit;
    limit.resource = known->resource;
    limit.soft = values[0] < 0 ? RLIM_INFINITY : static_cast<std::uint64_t>(values[0]);
    limit.hard = values[1] < 0 ? RLIM_INFINITY : static_cast<std::uint64_t>(values[1]);
    if (limit.soft > limit.hard) {
      return invalid("limits." + name, "the soft limit is above the hard one");
    }
    result.push_back(limit);
  }
  return result;
}

Result<core::Hooks> hooks_of(const std::vector<std::string>& names, bool has_object) {
  core::Hooks hooks;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == "on_start") {
      hooks.on_start = true;
    } else if (names[i] == "on_end") {
      hooks.on_end = true;
    } else {
      return invalid(
          fmt::format("hooks[{}]", i),
          fmt::format("expected 'on_start' or 'on_end', got '{}'", names[i]));
    }
  }
  if (!names.empty() && !has_object) {
    return invalid("object", "hooks need the object that has them");
  }
  return hooks;
}

Status check_object(const std::optional<std::int32_t>& object) {
  return object.value_or(0) < 0 ? Status{invalid("object", "an index is not negative")} : ok();
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

Result<store::Program> program_of(wire::NewTask& line) {
  store::Program program;
  if ((line.command ? 1 : 0) + (line.argv ? 1 : 0) + (line.function ? 1 : 0) != 1) {
    return invalid("command", "a task has exactly one of command, argv and function");
  }
  if (line.command) {
    if (is_blank(*line.command)) {
      return invalid("command", "a command is not empty");
    }
    program.words.push_back(std::move(*line.command));
  } else if (line.argv) {
    if (line.argv->empty() || line.argv->front().empty()) {
      return invalid("argv", "an argv begins with the name of a program");
    }
    program.kind = store::ProgramKind::argv;
    program.words = std::move(*line.argv);
  } else {
    if (!line.object) {
      return invalid("object", "a function task needs the object that is called");
    }
    program.kind = store::ProgramKind::function;
    program.words.push_back(std::move(*line.function));
  }
  return program;
}

std::string directory_of(const std::string& own, const std::string& submission) {
  const bool is_whole = own.empty() || own.starts_with('/') || own.starts_with("${");
  return is_whole ? own : submission + "/" + own;
}

Status add_wishes(wire::NewTask& line, engine::Staging::NewTask& task) {
  Result<core::Request> request = request_of(std::move(line.request).value_or(wire::Request{}));
  if (!request) {
    return request.error();
  }
  Result<core::RetryPolicy> retry = retry_of(line);
  if (!retry) {
    return retry.error();
  }
  const Result<Time> not_before = not_before_of(line);
  if (!not_before) {
    return not_before.error();
  }
  const Result<std::optional<Mib>> log_limit = log_limit_of(line);
  if (!log_limit) {
    return log_limit.error();
  }
  task.request = std::move(*request);
  task.retry = std::move(*retry);
  task.not_before = *not_before;
  task.held = line.held.value_or(false);
  task.preemptible = line.preemptible.value_or(false);
  task.log_limit = *log_limit;
  return ok();
}

Status check_header(const wire::Submission& line) {
  constexpr std::uint32_t umask_max = 0777;
  if (!line.cwd.starts_with('/')) {
    return invalid("cwd", fmt::format("expected an absolute path, got '{}'", line.cwd));
  }
  if (!line.interpreter.value_or("/").starts_with('/')) {
    return invalid(
        "interpreter", fmt::format("expected an absolute path, got '{}'", *line.interpreter));
  }
  if (line.umask.value_or(0) > umask_max) {
    return invalid(
        "umask", fmt::format("expected an integer ≤ {}, got {}", umask_max, *line.umask));
  }
  if (line.tasks > tasks_max || line.groups > tasks_max) {
    return invalid(
        line.tasks > tasks_max ? "tasks" : "groups",
        fmt::format("a submission has at most {} of them", tasks_max));
  }
  const std::string conflict = line.on_conflict.value_or("forbid");
  if (conflict != "forbid" && conflict != "allow" && conflict != "rename") {
    return invalid(
        "on_conflict", fmt::format("expected 'forbid', 'allow' or 'rename', got '{}'", conflict));
  }
  return check_variables("environment", line.environment);
}

}  // namespace

Result<engine::Staging::Header> header_of(wire::Submission line) {
  if (const Status good = check_header(line); !good) {
    return good.error();
  }
  Result<std::vector<store::ResourceLimit>> limits = limits_of(line.limits);
  if (!limits) {
    return limits.error();
  }
  engine::Staging::Header header;
  header.submission.key = line.key.value_or("");
  header.submission.directory = std::move(line.cwd);
  header.submission.umask = line.umask.value_or(header.submission.umask);
  header.submission.limits = std::move(*limits);
  header.submission.interpreter = line.interpreter.value_or("");
  header.submission.python_path = std::move(line.python_path);
  header.submission.source = line.source.value_or("");
  header.submission.task_count = line.tasks;
  header.submission.group_count = line.groups;
  header.environment.reserve(line.environment.size());
  for (const auto& item : line.environment) {
    header.environment.push_back(item.first + "=" + item.second);
  }
  std::sort(header.environment.begin(), header.environment.end());
  header.on_conflict = line.on_conflict.value_or("");
  header.date_format = line.date_format.value_or("");
  return header;
}

Result<engine::Staging::NewGroup> group_of(wire::NewGroup line) {
  if (const Status name = check_name(line.name, false); !name) {
    return name.error();
  }
  if (const Status object = check_object(line.object); !object) {
    return object.error();
  }
  const Result<core::Hooks> hooks = hooks_of(line.hooks, line.object.has_value());
  if (!hooks) {
    return hooks.error();
  }
  if (line.ref == 0 || line.parent == 0U) {
    return invalid(line.ref == 0 ? "ref" : "parent", "refs are counted from 1");
  }
  if (line.max_parallel == 0U) {
    return invalid("max_parallel", "expected an integer ≥ 1, got 0");
  }
  return engine::Staging::NewGroup{
      line.ref,
      line.parent.value_or(0),
      std::move(line.name),
      *hooks,
      line.object.value_or(-1),
      line.max_parallel.value_or(0)};
}

Result<engine::Staging::NewTask> task_of(wire::NewTask line, const std::string& directory) {
  if (const Status name = check_name(line.name, true); !name) {
    return name.error();
  }
  if (const Status object = check_object(line.object); !object) {
    return object.error();
  }
  if (const Status variables = check_variables("env", line.env); !variables) {
    return variables.error();
  }
  const Result<core::Hooks> hooks = hooks_of(line.hooks, line.object.has_value());
  if (!hooks) {
    return hooks.error();
  }
  if (line.ref == 0 || line.group == 0U) {
    return invalid(line.ref == 0 ? "ref" : "group", "refs are counted from 1");
  }
  Result<store::Program> program = program_of(line);
  if (!program) {
    return program.error();
  }
  engine::Staging::NewTask task;
  if (const Status wishes = add_wishes(line, task); !wishes) {
    return wishes.error();
  }
  task.ref = line.ref;
  task.group = line.group.value_or(0);
  task.name = std::move(line.name);
  task.program = std::move(*program);
  task.priority = line.priority.value_or(0);
  task.directory = directory_of(line.cwd.value_or(""), directory);
  task.variables = std::move(line.env);
  task.hooks = *hooks;
  task.object = line.object.value_or(-1);
  task.cascade = line.cascade;
  return task;
}

}  // namespace cattino::server::verbs
