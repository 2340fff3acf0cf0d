// POST /v1/cancel
#include "server/verbs/act.h"

namespace cattino::server::verbs {

void cancel(Context& context, const Request& request, const Responder& responder) {
  act(context, core::Verb::cancel, request, responder);
}

}  // namespace cattino::server::verbs
