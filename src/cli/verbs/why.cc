// meow why: why tasks stand where they stand.
#include "cli/why.h"

#include <string>
#include <variant>

#include "cli/verbs/verbs.h"

namespace cattino::cli::verbs {

namespace {

std::string text_of(const wire::Detail& detail, const Screen& screen) {
  if (const auto* one = std::get_if<wire::TaskDetail>(&detail)) {
    return paragraph(why_text(one->task), screen);
  }
  std::string text;
  for (const wire::Task& task : std::get<wire::GroupDetail>(detail).tasks) {
    text += paragraph(why_text(task), screen);
  }
  return text;
}

}  // namespace

Result<int> why(Context& context) {
  for (const std::string& name : context.options.names) {
    auto answer = context.client.get<wire::Detail>("/v1/tasks/" + percent_encoded(name));
    if (!answer) {
      return answer.error();
    }
    context.output.document(answer->text);
    context.output.text(text_of(answer->value, context.output.screen()));
  }
  return 0;
}

}  // namespace cattino::cli::verbs
