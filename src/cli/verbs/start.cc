// meow _start: for programs that speak to the socket themselves.
#include "cli/verbs/verbs.h"

namespace cattino::cli::verbs {

Result<int> start(Context& context) {
  auto connection = context.backend.connect_or_start();
  if (!connection) {
    return connection.error();
  }
  const std::string& socket = context.backend.places().socket;
  context.output.document("{\"socket\":" + json_quoted(socket) + "}");
  context.output.text(socket + "\n");
  return 0;
}

}  // namespace cattino::cli::verbs
