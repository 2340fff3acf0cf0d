// meow create: a script is handed to Python, a command is sent from here.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/core.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/interpreter.h"
#include "cli/submission.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

namespace {

bool has_request(const CreateOptions& create) {
  return create.min_devices || create.max_devices || !create.memory.empty() ||
         !create.cpus.empty() || !create.ram.empty() || !create.time_limit.empty() ||
         !create.devices.empty() || !create.resources.empty();
}

bool has_retries(const CreateOptions& create) {
  return create.retries || !create.retry_on.empty() || !create.backoff.empty();
}

/// The option that means nothing for a script, if one was given.
const char* misplaced_option(const CreateOptions& create) {
  if (!create.name.empty()) {
    return "--task-name";
  }
  if (!create.group.empty()) {
    return "--group-name";
  }
  if (create.priority) {
    return "--priority";
  }
  if (has_request(create)) {
    return "the request";
  }
  if (has_retries(create)) {
    return "--retries";
  }
  if (create.hold || create.preemptible || !create.not_before.empty()) {
    return create.hold ? "--hold" : create.preemptible ? "--preemptible" : "--not-before";
  }
  if (!create.log_limit.empty()) {
    return "--log-limit";
  }
  if (create.multirun) {
    return "--multirun";
  }
  if (!create.name_conflict.empty()) {
    return "--name-conflict";
  }
  return !create.env.empty() ? "--env" : nullptr;
}

void set_variable(
    std::vector<std::pair<std::string, std::string>>& variables,
    const std::string& name,
    const std::string& value) {
  for (auto& variable : variables) {
    if (variable.first == name) {
      variable.second = value;
      return;
    }
  }
  variables.emplace_back(name, value);
}

/// The interpreter that lives beside us has the package installed.
bool shares_our_environment(const std::string& interpreter, const Surroundings& surroundings) {
  const auto ours = std::filesystem::path(surroundings.program).parent_path();
  return std::filesystem::path(interpreter).parent_path() == ours;
}

Status lend_package(
    Context& context,
    const std::string& interpreter,
    std::vector<std::pair<std::string, std::string>>& variables) {
  const Surroundings& surroundings = context.surroundings;
  const bool chosen = !surroundings.value("CATTINO_PACKAGE").empty();
  if (!chosen && shares_our_environment(interpreter, surroundings)) {
    return ok();
  }
  const std::string package = find_package(surroundings, real_files());
  if (package.empty()) {
    return ok();  // the interpreter may have one of its own; if not, it says so
  }
  auto lent = lent_directory(package, context.backend.places().state);
  if (!lent) {
    return lent.error();
  }
  const std::string before = surroundings.value("PYTHONPATH");
  set_variable(variables, "PYTHONPATH", before.empty() ? *lent : before + ":" + *lent);
  set_variable(variables, "CATTINO_LENT", *lent);  // taken out again before tasks see it
  return ok();
}

/// Is `${eval:` in it? That is for Python, in the user's own process; all else is for the daemon or a shell.
bool has_resolver(std::string_view text) {
  constexpr std::string_view opening = "${";
  constexpr std::string_view name = "eval";
  for (std::size_t at = text.find(opening); at != std::string_view::npos; at = text.find(opening)) {
    text = trimmed(text.substr(at + opening.size()));
    if (text.starts_with(name) && trimmed(text.substr(name.size())).starts_with(':')) {
      return true;
    }
  }
  return false;
}

/// Becomes the interpreter; returns only if that fails.
Error become(
    const std::string& interpreter,
    std::vector<std::string> arguments,
    const std::vector<std::pair<std::string, std::string>>& variables) {
  std::vector<std::string> environment = joined(variables);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  std::vector<char*> envp;
  envp.reserve(environment.size() + 1);
  for (std::string& variable : environment) {
    envp.push_back(variable.data());
  }
  envp.push_back(nullptr);
  execve(interpreter.c_str(), argv.data(), envp.data());
  return system_error("run", interpreter, errno);
}

Result<int> create_from_script(Context& context) {
  const CreateOptions& create = context.options.create;
  if (const char* option = misplaced_option(create); option != nullptr) {
    return Error{
        ErrorCode::invalid,
        fmt::format("{} is not for scripts: the script says it for each of its tasks", option),
        "create",
        "what follows the script's name is for the script"};
  }
  auto interpreter = choose_interpreter(create.python, context.surroundings, real_files());
  if (!interpreter) {
    return interpreter.error();
  }
  if (access(create.subject.c_str(), R_OK) != 0) {
    Error error = system_error("read", create.subject, errno);
    error.code = ErrorCode::not_found;
    return error;
  }
  if (auto connection = context.backend.connect_or_start(); !connection) {
    return connection.error();
  }
  auto variables = context.surroundings.variables;
  set_variable(variables, "CATTINO_SOCKET", context.backend.places().socket);
  set_variable(variables, "CATTINO_MEOW", context.surroundings.program);
  if (auto lent = lend_package(context, *interpreter, variables); !lent) {
    return lent.error();
  }
  if (!create.directory.empty() && chdir(create.directory.c_str()) != 0) {
    return system_error("enter", create.directory, errno);
  }
  std::vector<std::string> arguments = {*interpreter, "-m", "cattino.create"};
  if (context.output.json()) {
    arguments.emplace_back("--json");
  } else if (context.output.mode() == Mode::quiet) {
    arguments.emplace_back("--quiet");
  }
  arguments.push_back(create.subject);
  arguments.insert(arguments.end(), create.arguments.begin(), create.arguments.end());
  return become(*interpreter, std::move(arguments), variables);
}

/// Becomes a Python that fills in the resolvers of this command line and becomes us again.
Error fill_in_resolvers(Context& context) {
  const Surroundings& surroundings = context.surroundings;
  auto interpreter = choose_interpreter(context.options.create.python, surroundings, real_files());
  if (!interpreter) {
    return interpreter.error();
  }
  auto variables = surroundings.variables;
  if (auto lent = lend_package(context, *interpreter, variables); !lent) {
    return lent.error();
  }
  std::vector<std::string> arguments = {*interpreter, "-m", "cattino.fill", surroundings.program};
  arguments.insert(arguments.end(), surroundings.arguments.begin(), surroundings.arguments.end());
  return become(*interpreter, std::move(arguments), variables);
}

Request submission_request() {
  return {"POST", "/v1/submissions", "application/x-ndjson", {}};
}

/// What fits into one piece goes with its length, in one write; more is streamed.
Result<std::string> send(Client& client, CommandSubmission& submission) {
  Request request = submission_request();
  if (!submission.append_lines(request.body)) {
    return client.call(request);
  }
  return client.call_streaming(submission_request(), [&]() -> BodySource {
    submission.rewind();
    return [&](std::string& piece) {
      return submission.append_lines(piece);
    };
  });
}

/// A script that was mistyped would be a task that fails: "trian.py" alone, and nothing is called so.
Status check_no_lost_script(const CreateOptions& create, const Surroundings& surroundings) {
  const auto is_special = [](char c) {
    return std::string_view(" \t\n\"'\\$`*?[]{}()<>|&;~#!=,").find(c) != std::string_view::npos;
  };
  const std::string& word = create.subject;
  const bool is_script =
      word.ends_with(".py") && std::none_of(word.begin(), word.end(), is_special);
  if (!is_script || (create.multirun && !create.arguments.empty())) {
    return ok();
  }
  const std::string there = (std::filesystem::path(create.directory) / word).string();
  const Files files = real_files();
  if (files.exists(there) || !in_path(word, surroundings.value("PATH"), files).empty()) {
    return ok();
  }
  return Error{
      ErrorCode::not_found, fmt::format("no such file: {}", there), "command", "is it mistyped?"};
}

Result<int> create_from_command(Context& context) {
  const std::vector<std::string>& said = context.surroundings.arguments;
  if (context.surroundings.value("CATTINO_FILLED").empty() &&
      std::any_of(said.begin(), said.end(), has_resolver)) {
    return fill_in_resolvers(context);
  }
  if (auto found = check_no_lost_script(context.options.create, context.surroundings); !found) {
    return found.error();
  }
  auto head = captured(context.surroundings);
  if (!head) {
    return head.error();
  }
  auto submission = CommandSubmission::make(context.options.create, std::move(*head));
  if (!submission) {
    return submission.error();
  }
  auto answer = Client::read<wire::SubmissionAnswer>(send(context.client, *submission));
  if (!answer) {
    return answer.error();
  }
  context.output.document(answer->text);
  context.output.text(created_text(answer->value, context.output.screen()));
  return 0;
}

}  // namespace

Result<int> create(Context& context) {
  return context.options.create.script ? create_from_script(context) : create_from_command(context);
}

}  // namespace cattino::cli::verbs
