// meow cancel, resume, kill, remove: the four verbs that change tasks, alike but for their word.
#include <algorithm>

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

/// Is a task with this status as the verb wants it to be? One that runs is being stopped.
bool is_as_wanted(const std::string& verb, const std::string& status) {
  if (verb == "resume") {
    return status == "Waiting" || status == "Running";
  }
  return status == (verb == "kill" ? "Failed" : "Cancelled") || status == "Running";
}

/// The backend died between doing it and saying so, and was asked again: then it is done already.
bool was_done_before(
    const Client& client, const std::string& verb, const wire::VerbAnswer& answer) {
  return client.sent_again() && !answer.unchanged.empty() &&
         std::all_of(answer.unchanged.begin(), answer.unchanged.end(), [&verb](const auto& task) {
           return is_as_wanted(verb, task.status);
         });
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
    const bool is_gone = options.verb == "remove" && context.client.sent_again() &&
                         answer.error().code == ErrorCode::not_found;
    return is_gone ? Result<int>(0) : answer.error();
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
  const bool done = answer->value.count > 0 || !options.match.empty() ||
                    was_done_before(context.client, options.verb, answer->value);
  return done ? 0 : 1;
}

}  // namespace cattino::cli::verbs
