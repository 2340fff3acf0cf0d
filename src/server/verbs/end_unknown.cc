// POST /v1/end-unknown
#include "server/verbs/input.h"
#include "server/verbs/verbs.h"
#include "wire/verbs.h"

namespace cattino::server::verbs {

void end_unknown(Context& context, const Request& request, const Responder& responder) {
  if (read_body<wire::NoArguments>(request, responder)) {
    responder.send(wire::to_json(wire::EndUnknown{context.engine.end_unknown()}));
  }
}

}  // namespace cattino::server::verbs
