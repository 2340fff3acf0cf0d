// POST /v1/exit
#include "server/verbs/input.h"
#include "server/verbs/verbs.h"
#include "wire/verbs.h"

namespace cattino::server::verbs {

void exit(Context& context, const Request& request, const Responder& responder) {
  const std::optional<wire::ExitRequest> body = read_body<wire::ExitRequest>(request, responder);
  if (!body) {
    return;
  }
  context.engine.leave(body->keep_tasks, [responder](const Result<std::uint64_t>& stopped) {
    if (!stopped) {
      responder.fail(stopped.error());
      return;
    }
    responder.send(wire::to_json(wire::ExitAnswer{*stopped, 0}));
  });
}

}  // namespace cattino::server::verbs
