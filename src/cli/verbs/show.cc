// meow show: all that is known of tasks or groups, or what a task has written.
#include <fmt/core.h>

#include "cli/log_follower.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

namespace {

/// Prints the log of a task's last attempt.
Status print_log(Context& context, const std::string& name, const wire::Detail& detail) {
  const auto* task = std::get_if<wire::TaskDetail>(&detail);
  if (task == nullptr) {
    return Error{
        ErrorCode::invalid,
        fmt::format("'{}' is a group: only a task has logs", name),
        "names",
        ""};
  }
  if (task->attempts.empty()) {
    context.output.note(fmt::format("{} has not run yet", harmless(name)));
    return ok();
  }
  const wire::Attempt& last = task->attempts.back();
  GrowingFile file(context.options.errors ? last.stderr_ : last.stdout_);
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

Result<int> show(Context& context) {
  const bool logs = context.options.output || context.options.errors;
  bool first = true;
  for (const std::string& name : context.options.names) {
    auto answer = context.client.get<wire::Detail>("/v1/tasks/" + percent_encoded(name));
    if (!answer) {
      return answer.error();
    }
    if (!logs) {
      context.output.document(answer->text);
      context.output.text(first ? "" : "\n");
      context.output.text(detail_text(answer->value, context.output.screen()));
      first = false;
      continue;
    }
    auto printed = print_log(context, name, answer->value);
    if (!printed) {
      return printed.error();
    }
  }
  return 0;
}

}  // namespace cattino::cli::verbs
