// meow test: does the backend, or a task, run? Starts nothing.
#include <fmt/core.h>

#include "cli/verbs/verbs.h"
#include "cli/versions.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

namespace {

Result<int> test_backend(Context& context, Client& client) {
  auto answer = client.get<wire::Health>("/v1/health");
  if (!answer) {
    return answer.error();
  }
  const wire::Health& health = answer->value;
  const std::string counts = counts_text(health.counts);
  context.output.document(answer->text);
  context.output.text(fmt::format(
      "the backend runs: process {}, version {}{}\n",
      health.pid,
      health.version,
      counts.empty() ? "" : "; " + counts));
  if (const std::string hint = version_hint("cattino/" + health.version); !hint.empty()) {
    context.output.note(hint);
  }
  return 0;
}

Result<int> test_tasks(Context& context, Client& client) {
  std::string target = "/v1/tasks?";
  for (const std::string& name : context.options.names) {
    target += "name=" + percent_encoded(name) + "&";
  }
  auto answer = client.get<wire::TaskList>(target + "limit=100000");
  if (!answer) {
    return answer.error();
  }
  context.output.document(answer->text);
  bool all_run = !answer->value.tasks.empty();
  for (const wire::Task& task : answer->value.tasks) {
    const bool runs = task.status == "Running";
    const std::string remark = remark_of(task);
    context.output.text(fmt::format(
        "{} is {}{}{}\n",
        harmless(task.shown.empty() ? task.fullname : task.shown),
        task.status,
        runs && task.pid ? fmt::format(": process {}", *task.pid) : "",
        remark.empty() ? "" : ": " + remark));
    all_run = all_run && runs;
  }
  return all_run ? 0 : 1;
}

}  // namespace

Result<int> test(Context& context) {
  Client client([&] { return context.backend.connect(); });
  auto status =
      context.options.names.empty() ? test_backend(context, client) : test_tasks(context, client);
  if (!status && status.error().code == ErrorCode::unavailable) {
    return Error{
        ErrorCode::unavailable,
        "the backend is not running",
        {},
        "the next `meow create` starts it, or `meow run`"};
  }
  return status;
}

}  // namespace cattino::cli::verbs
