// meow test: does the backend, or a task, run? Starts nothing.
#include <fmt/core.h>

#include "base/text.h"
#include "cli/departure.h"
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
  for (const wire::UnknownProcess& process : health.unknown) {
    context.output.text(fmt::format(
        "process {} runs, started as task {} of a state that is gone; `meow test --end-unknown` "
        "stops "
        "it\n",
        process.pid,
        process.task));
  }
  if (const std::string hint = version_hint("cattino/" + health.version); !hint.empty()) {
    context.output.note(hint);
  }
  return 0;
}

/// One that works looks at all of it first; if that finds damage it leaves, and its successor is asked.
Result<int> set_aside(Context& context) {
  const auto health = context.client.get<wire::Health>("/v1/health");
  const Departure departure(health ? health->value : wire::Health{}, true);
  auto answer = context.client.post<wire::SetAside>("/v1/set-aside", wire::NoArguments{});
  if (health && !answer && answer.error().code == ErrorCode::corrupt) {
    departure.wait();
    Client successor([&] { return context.backend.connect_or_start(); });
    answer = successor.post<wire::SetAside>("/v1/set-aside", wire::NoArguments{});
  }
  if (!answer) {
    return answer.error();
  }
  context.output.document(answer->text);
  context.output.text(fmt::format(
      "the stored state is now {}, as it was; the next command starts afresh\n",
      answer->value.moved_to));
  return 0;
}

Result<int> end_unknown(Context& context) {
  auto answer = context.client.post<wire::EndUnknown>("/v1/end-unknown", wire::NoArguments{});
  if (!answer) {
    return answer.error();
  }
  context.output.document(answer->text);
  const auto count = static_cast<std::int64_t>(answer->value.ended);
  context.output.text(
      count == 0 ? "nothing runs that the state does not know\n"
                 : fmt::format("{} told to end\n", count_of(count, "process")));
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
  if (context.options.set_aside) {
    return set_aside(context);
  }
  if (context.options.end_unknown) {
    return end_unknown(context);
  }
  // One that refuses to work is not one that does not run: it says why.
  if (const auto reached = context.backend.connect();
      !reached && reached.error().code == ErrorCode::unavailable) {
    return Error{
        ErrorCode::unavailable,
        "the backend is not running",
        {},
        "the next `meow create` starts it, or `meow run`"};
  }
  Client client([&] { return context.backend.connect(); });
  return context.options.names.empty() ? test_backend(context, client)
                                       : test_tasks(context, client);
}

}  // namespace cattino::cli::verbs
