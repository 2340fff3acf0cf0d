// POST /v1/resume
#include "server/verbs/act.h"

namespace cattino::server::verbs {

void resume(Context& context, const Request& request, const Responder& responder) {
  act(context, core::Verb::resume, request, responder);
}

}  // namespace cattino::server::verbs
