// meow show: all that is known of tasks or groups, or what a task has written.
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

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
