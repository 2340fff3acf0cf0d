// meow exit: ends the backend, and says what that ended. With --keep-tasks it is how a newer version takes
// over: the next command starts a daemon of ours, or of whoever was newer.
#include <cstdio>
#include <utility>

#include <fmt/core.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/departure.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

namespace {

bool confirmed(const std::string& question) {
  std::fprintf(stderr, "%s [y/N] ", question.c_str());
  std::fflush(stderr);
  const int answer = std::getchar();
  return answer == 'y' || answer == 'Y';
}

/// Nothing is known of a daemon that cannot work; it can be told to leave all the same.
wire::Health health_of(const Context& context) {
  Client client([&] { return context.backend.connect(); });
  auto health = client.get<wire::Health>("/v1/health");
  return health ? std::move(health->value) : wire::Health{};
}

}  // namespace

Result<int> exit(Context& context) {
  const Options& options = context.options;
  if (const auto reached = context.backend.connect(); !reached) {
    if (reached.error().code != ErrorCode::unavailable) {
      return reached.error();
    }
    context.output.document(R"({"stopped":0,"cancelled":0})");
    context.output.note("the backend is not running");
    return 0;
  }
  const wire::Health health = health_of(context);
  const std::uint64_t running = count_of_status(health.counts, "Running");
  const bool can_ask = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  if (running > 0 && can_ask && !options.yes && !options.keep_tasks) {
    const bool one = running == 1;
    const std::string question = fmt::format(
        "{} {} and would be ended; `--keep-tasks` leaves {} running. End {}?",
        count_of(static_cast<std::int64_t>(running), "task"),
        one ? "runs" : "run",
        one ? "it" : "them",
        one ? "it" : "them");
    if (!confirmed(question)) {
      context.output.note("nothing was ended");
      return 1;
    }
  }
  if (options.keep_tasks) {
    if (const auto installed = context.backend.install(); !installed) {
      context.output.note(
          "the next backend is of the version that runs: " + installed.error().message);
    }
  }
  const Departure departure(health, options.keep_tasks);
  Client client([&] { return context.backend.connect(); });
  auto answer = client.post<wire::ExitAnswer>("/v1/exit", wire::ExitRequest{options.keep_tasks});
  if (!answer) {
    return answer.error();
  }
  departure.wait();
  context.output.document(answer->text);
  context.output.text(stopped_text(answer->value, health.counts, options.keep_tasks) + "\n");
  return 0;
}

}  // namespace cattino::cli::verbs
