// meow: the command line of the backend.
#include <array>
#include <cstdio>
#include <exception>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "cli/verbs/verbs.h"

namespace cattino::cli {
namespace {

struct Verb {
  std::string_view name;
  Result<int> (*run)(Context&);
};

constexpr std::array<Verb, 21> all_verbs = {{
    {"create", verbs::create},
    {"run", verbs::run},
    {"list", verbs::list},
    {"show", verbs::show},
    {"why", verbs::why},
    {"watch", verbs::watch},
    {"logs", verbs::logs},
    {"wait", verbs::wait},
    {"test", verbs::test},
    {"cancel", verbs::change},
    {"resume", verbs::change},
    {"kill", verbs::change},
    {"remove", verbs::change},
    {"exit", verbs::exit},
    {"devices", verbs::devices},
    {"get", verbs::get},
    {"set", verbs::set},
    {"meow", verbs::meow},
    {"_start", verbs::start},
    {"completion", verbs::completion},
    {"__complete", verbs::complete},
}};

Result<int> perform(const Options& options, const Surroundings& surroundings, Output& output) {
  auto backend = Backend::locate(surroundings);
  if (!backend) {
    return backend.error();
  }
  Client client([&] { return backend->connect_or_start(); });
  Context context{options, surroundings, *backend, output, client};
  for (const Verb& verb : all_verbs) {
    if (verb.name == options.verb) {
      return verb.run(context);
    }
  }
  return Error{ErrorCode::internal, "the verb '" + options.verb + "' does nothing", {}, {}};
}

int run(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const Surroundings surroundings = surroundings_of_process(environ, arguments);
  const bool no_colour =
      !surroundings.value("NO_COLOR").empty() || surroundings.value("TERM") == "dumb";
  const Screen out = screen_of(STDOUT_FILENO, no_colour);
  const Screen error = screen_of(STDERR_FILENO, no_colour);
  auto parsed = parse_options(arguments);
  const Options* options = parsed ? std::get_if<Options>(&*parsed) : nullptr;
  Output output(options != nullptr ? options->mode : Mode::text, stdout, out, stderr, error);
  if (!parsed) {
    output.error(parsed.error());
    return exit_status_of(parsed.error());
  }
  if (options == nullptr) {
    output.raw(std::get<Print>(*parsed).text);
    return 0;
  }
  const Result<int> status = perform(*options, surroundings, output);
  if (!status) {
    output.error(status.error());
    return exit_status_of(status.error());
  }
  output.flush();
  return *status;
}

}  // namespace
}  // namespace cattino::cli

int main(int argc, char** argv) {
  return cattino::cli::run(argc, argv);
}
