// The submitter's process, captured; its command line, as tasks.
#include "cli/submission.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <system_error>

#include <fmt/core.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/default_name.h"
#include "cli/wishes.h"
#include "sys/clock.h"

namespace cattino::cli {

namespace {

constexpr std::size_t piece_bytes = 128UL * 1024;

struct NamedLimit {
  const char* name;
  decltype(RLIMIT_CPU) resource;
};

constexpr std::array<NamedLimit, 15> limits = {{
    {"cpu", RLIMIT_CPU},
    {"fsize", RLIMIT_FSIZE},
    {"data", RLIMIT_DATA},
    {"stack", RLIMIT_STACK},
    {"core", RLIMIT_CORE},
    {"rss", RLIMIT_RSS},
    {"nproc", RLIMIT_NPROC},
    {"nofile", RLIMIT_NOFILE},
    {"memlock", RLIMIT_MEMLOCK},
    {"as", RLIMIT_AS},
    {"sigpending", RLIMIT_SIGPENDING},
    {"msgqueue", RLIMIT_MSGQUEUE},
    {"nice", RLIMIT_NICE},
    {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},
}};

std::int64_t limit_value(rlim_t value) {
  return value == RLIM_INFINITY ? -1 : static_cast<std::int64_t>(value);
}

std::string random_key() {
  std::array<std::uint64_t, 2> words{};
  if (getrandom(words.data(), sizeof(words), 0) != static_cast<ssize_t>(sizeof(words))) {
    return {};
  }
  return fmt::format("meow-{:016x}{:016x}", words[0], words[1]);
}

Error invalid(const std::string& message, const char* field, const char* hint = "") {
  return {ErrorCode::invalid, message, field, hint};
}

/// As the shell reads it, with quotes only where they are needed: people read it too.
std::string as_argument(const std::string& word) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_=./:,@%+").find(c) != std::string_view::npos;
  };
  return !word.empty() && std::all_of(word.begin(), word.end(), is_plain) ? word
                                                                          : shell_quote(word);
}

Result<wire::Dictionary<std::string>> variables_of(const std::vector<std::string>& texts) {
  wire::Dictionary<std::string> variables;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return invalid(
          fmt::format("'{}' is no KEY=VALUE", text), "--env", "for example --env SEED=1");
    }
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

/// "a/b" is a group b in a group a.
Result<std::vector<wire::NewGroup>> groups_of(const std::string& path) {
  std::vector<wire::NewGroup> groups;
  std::size_t start = 0;
  while (!path.empty() && start <= path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    wire::NewGroup group;
    group.ref = static_cast<std::uint32_t>(groups.size() + 1);
    group.name = path.substr(start, end - start);
    if (group.name.empty()) {
      return invalid(fmt::format("the group's name '{}' has an empty part", path), "--group-name");
    }
    if (!groups.empty()) {
      group.parent = group.ref - 1;
    }
    groups.push_back(std::move(group));
    start = end + 1;
  }
  return groups;
}

/// A directory that exists, as an absolute path.
Result<std::string> directory_of(const std::string& option) {
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::absolute(option, error);
  if (error || !std::filesystem::is_directory(directory, error)) {
    return invalid(fmt::format("'{}' is no directory", option), "--directory");
  }
  return directory.lexically_normal().string();
}

/// What its tasks do when a name is taken; nothing: as the settings say.
void set_name_conflict(wire::Submission& head, const CreateOptions& options) {
  if (!options.name_conflict.empty()) {
    head.on_conflict = options.name_conflict;
  } else if (options.name.empty()) {
    head.on_conflict = "rename";  // nobody chose the name
  }
}

}  // namespace

Result<wire::Submission> captured(const Surroundings& surroundings) {
  wire::Submission submission;
  std::error_code error;
  submission.cwd = std::filesystem::current_path(error).string();
  if (error) {
    return system_error("find out", "the working directory", error.value());
  }
  submission.environment = surroundings.variables;
  std::erase_if(submission.environment, [](const auto& variable) {
    return variable.first == "CATTINO_FILLED";  // of the way to here
  });
  submission.umask = umask_of_process();
  for (const NamedLimit& limit : limits) {
    rlimit values{};
    if (getrlimit(limit.resource, &values) == 0) {
      submission.limits.emplace_back(
          limit.name,
          std::array<std::int64_t, 2>{limit_value(values.rlim_cur), limit_value(values.rlim_max)});
    }
  }
  submission.source = "meow create";
  if (std::string key = random_key(); !key.empty()) {
    submission.key = std::move(key);
  }
  const std::string layout = surroundings.value("CATTINO_DIR_FORMAT");
  if (!layout.empty()) {
    submission.date_format = layout;
  }
  return submission;
}

Result<CommandSubmission> CommandSubmission::make(
    const CreateOptions& options, wire::Submission head) {
  CommandSubmission result;
  auto words = split_command(options.subject);
  if (!words) {
    words.error().field = "command";
    return words.error();
  }
  if (words->words.empty()) {
    return invalid("the command is empty", "command");
  }
  auto request = request_of(options);
  auto variables = variables_of(options.env);
  auto groups = groups_of(options.group);
  auto multirun =
      options.multirun ? Multirun::parse(options.arguments) : Multirun::literal(options.arguments);
  if (!request || !variables || !groups || !multirun) {
    return !request     ? request.error()
           : !variables ? variables.error()
           : !groups    ? groups.error()
                        : multirun.error();
  }
  result.groups_ = std::move(*groups);
  result.multirun_ = std::move(*multirun);
  result.task_.name = options.name.empty() ? default_name(words->words) : options.name;
  result.task_.command = options.subject;
  result.task_.request = *request;
  result.task_.priority = options.priority;
  result.task_.env = std::move(*variables);
  if (Status timing = add_timing(options, sys::Clock().now().ms(), result.task_); !timing) {
    return timing.error();
  }
  if (!result.groups_.empty()) {
    result.task_.group = result.groups_.back().ref;
  }
  if (!options.directory.empty()) {
    auto directory = directory_of(options.directory);
    if (!directory) {
      return directory.error();
    }
    result.task_.cwd = std::move(*directory);
  }
  head.groups = result.groups_.size();
  head.tasks = result.count();
  set_name_conflict(head, options);
  result.head_ = std::move(head);
  return result;
}

std::string CommandSubmission::task_line(std::uint64_t index) const {
  const Variant variant = multirun_.at(index);
  wire::NewTask task = task_;
  task.ref = static_cast<std::uint32_t>(groups_.size() + index + 1);
  for (const std::string& argument : variant.arguments) {
    *task.command += " " + as_argument(argument);
  }
  if (!variant.label.empty()) {
    task.name += "/" + variant.label;
  }
  return wire::to_line(task);
}

bool CommandSubmission::append_lines(std::string& out) {
  if (next_ == 0) {
    out += wire::to_line(head_) + "\n";
    for (const wire::NewGroup& group : groups_) {
      out += wire::to_line(group) + "\n";
    }
  }
  const std::size_t enough = out.size() + piece_bytes;
  while (next_ < count() && out.size() < enough) {
    out += task_line(next_++) + "\n";
  }
  if (next_ < count()) {
    return true;
  }
  out += wire::to_line(wire::End{}) + "\n";
  return false;
}

}  // namespace cattino::cli
