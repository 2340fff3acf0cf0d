// meow cancel, resume, kill, remove: the four verbs that change tasks, alike but for their word.
#include <fmt/core.h>

#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

namespace {

std::string past_of(const std::string& verb) {
  if (verb == "cancel") {
    return "cancelled";
  }
  return verb == "kill" ? "killed" : verb + "d";
}

}  // namespace

Result<int> change(Context& context) {
  const Options& options = context.options;
  if (options.names.empty() == options.match.empty()) {
    return Error{
        ErrorCode::invalid,
        options.names.empty() ? fmt::format("{} what?", options.verb)
                              : "names and --all exclude each other",
        "names",
        fmt::format("`meow {0} NAME…`, or `meow {0} --all REGEX`", options.verb)};
  }
  wire::VerbRequest request;
  request.names = options.names;
  if (!options.match.empty()) {
    request.match = options.match;
  }
  request.wait = options.wait;
  auto answer = context.client.post<wire::VerbAnswer>("/v1/" + options.verb, request);
  if (!answer) {
    return answer.error();
  }
  context.output.document(answer->text);
  context.output.text(changes_text(answer->value, past_of(options.verb)));
  for (const wire::Unchanged& task : answer->value.unchanged) {
    context.output.note(
        fmt::format("{} stays {}: {}", harmless(task.fullname), task.status, harmless(task.why)));
  }
  if (answer->value.count == 0 && answer->value.unchanged.empty()) {
    context.output.note("no task matches");
  }
  return answer->value.count > 0 || !options.match.empty() ? 0 : 1;
}

}  // namespace cattino::cli::verbs
