// meow logs: what tasks have written.
#include <fmt/core.h>
#include <unistd.h>

#include "cli/log_follower.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

namespace {

Result<const wire::TaskDetail*> task_in(const std::string& name, const wire::Detail& detail) {
  const auto* task = std::get_if<wire::TaskDetail>(&detail);
  if (task == nullptr) {
    return Error{
        ErrorCode::invalid,
        fmt::format("'{}' is a group: only a task has logs", name),
        "names",
        fmt::format("`meow list {}` has its tasks", name)};
  }
  return task;
}

/// The attempt that is asked for, or the last one; null if it has not run yet.
Result<const wire::Attempt*> attempt_of(const wire::TaskDetail& task, const Options& options) {
  if (!options.attempt) {
    return task.attempts.empty() ? nullptr : &task.attempts.back();
  }
  for (const wire::Attempt& attempt : task.attempts) {
    if (attempt.number == *options.attempt) {
      return &attempt;
    }
  }
  return Error{
      ErrorCode::invalid,
      fmt::format("{} has no attempt {}", harmless(task.task.shown), *options.attempt),
      "attempt",
      fmt::format("it has had {}", task.attempts.size())};
}

Status print_file(Context& context, const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) {
    context.output.note("there is no log any more: " + path);
    return ok();
  }
  GrowingFile file(path);
  if (context.options.tail) {
    file.skip_to_last(*context.options.tail);
  }
  while (true) {
    auto text = file.read_new();
    if (!text) {
      return text.error();
    }
    if (text->empty()) {
      return ok();
    }
    context.output.raw(*text);
  }
}

}  // namespace

Status print_log(Context& context, const std::string& name, const wire::Detail& detail) {
  const auto task = task_in(name, detail);
  if (!task) {
    return task.error();
  }
  const auto attempt = attempt_of(**task, context.options);
  if (!attempt) {
    return attempt.error();
  }
  const wire::Attempt* ran = *attempt;
  const std::string path =
      ran == nullptr ? "" : (context.options.errors ? ran->stderr_ : ran->stdout_);
  if (context.output.json()) {
    context.output.document(fmt::format(
        R"({{"task":{},"fullname":{},"attempt":{},"path":{}}})",
        (*task)->task.id,
        json_quoted((*task)->task.fullname),
        ran == nullptr ? 0 : ran->number,
        ran == nullptr ? "null" : json_quoted(path)));
    return ok();
  }
  if (ran == nullptr) {
    context.output.note(fmt::format("{} has not run yet", harmless(name)));
    return ok();
  }
  return print_file(context, path);
}

Result<int> logs(Context& context) {
  if (context.options.follow) {
    return watch(context);
  }
  const std::vector<std::string>& names = context.options.names;
  for (const std::string& name : names) {
    auto answer = context.client.get<wire::Detail>("/v1/tasks/" + percent_encoded(name));
    if (!answer) {
      return answer.error();
    }
    if (names.size() > 1) {
      context.output.text(fmt::format("==> {} <==\n", harmless(name)));
    }
    if (const Status printed = print_log(context, name, answer->value); !printed) {
      return printed.error();
    }
  }
  return 0;
}

}  // namespace cattino::cli::verbs
