// POST /v1/kill
#include "server/verbs/act.h"

namespace cattino::server::verbs {

void kill(Context& context, const Request& request, const Responder& responder) {
  act(context, core::Verb::kill, request, responder);
}

}  // namespace cattino::server::verbs
