// POST /v1/remove
#include "server/verbs/act.h"

namespace cattino::server::verbs {

void remove(Context& context, const Request& request, const Responder& responder) {
  act(context, core::Verb::remove, request, responder);
}

}  // namespace cattino::server::verbs
