// The verbs. Each returns the exit status of its command, or the error to print.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/backend.h"
#include "cli/client.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/surroundings.h"
#include "wire/tasks.h"

namespace cattino::cli {

/// What every verb works with.
struct Context {
  const Options& options;
  const Surroundings& surroundings;
  const Backend& backend;
  Output& output;
  Client& client;  ///< starts the backend when it is first used
};

namespace verbs {

Result<int> create(Context& context);
Result<int> run(Context& context);
Result<int> list(Context& context);
Result<int> show(Context& context);
Result<int> why(Context& context);
Result<int> watch(Context& context);
Result<int> logs(Context& context);
Result<int> wait(Context& context);
Result<int> test(Context& context);
Result<int> change(Context& context);  ///< cancel, resume, kill, remove
Result<int> exit(Context& context);
Result<int> devices(Context& context);
Result<int> get(Context& context);
Result<int> set(Context& context);
Result<int> meow(Context& context);
Result<int> start(Context& context);
Result<int> completion(Context& context);
Result<int> complete(Context& context);

/// What could stand for the last of `words`, names of tasks included if the backend runs.
std::vector<std::string> completions_of(
    const Backend& backend, const std::vector<std::string>& words);

/// Prints one log of one attempt of a task, as the options say.
Status print_log(Context& context, const std::string& name, const wire::Detail& detail);

}  // namespace verbs
}  // namespace cattino::cli
