// meow list: tasks as a table.
#include <fmt/core.h>

#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

Result<int> list(Context& context) {
  const Options& options = context.options;
  std::string target = fmt::format("/v1/tasks?limit={}", options.limit);
  for (const std::string& name : options.names) {
    target += "&name=" + percent_encoded(name);
  }
  for (const std::string& status : options.statuses) {
    target += "&status=" + percent_encoded(status);
  }
  if (options.everything) {
    target += "&all=1";
  }
  auto answer = context.client.get<wire::TaskList>(target);
  if (!answer) {
    return answer.error();
  }
  context.output.document(answer->text);
  context.output.text(list_text(answer->value, context.output.screen()));
  if (answer->value.tasks.empty()) {
    context.output.note("no tasks");
  }
  return 0;
}

}  // namespace cattino::cli::verbs
