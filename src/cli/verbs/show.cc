// meow show: all that is known of tasks or groups.
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

Result<int> show(Context& context) {
  bool first = true;
  for (const std::string& name : context.options.names) {
    auto answer = context.client.get<wire::Detail>("/v1/tasks/" + percent_encoded(name));
    if (!answer) {
      return answer.error();
    }
    context.output.document(answer->text);
    context.output.text(first ? "" : "\n");
    context.output.text(detail_text(answer->value, context.output.screen()));
    first = false;
  }
  return 0;
}

}  // namespace cattino::cli::verbs
