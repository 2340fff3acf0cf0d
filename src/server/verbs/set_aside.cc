// POST /v1/set-aside, to a daemon that works: looks whether there is anything to set aside.
#include "server/verbs/input.h"
#include "server/verbs/verbs.h"
#include "wire/verbs.h"

namespace cattino::server::verbs {

void set_aside(Context& context, const Request& request, const Responder& responder) {
  if (!read_body<wire::NoArguments>(request, responder)) {
    return;
  }
  context.engine.check_state([responder](const Status& sound) {
    responder.fail(
        sound ? Error{ErrorCode::conflict, "the stored state is sound: nothing was set aside"}
              : sound.error());
  });
}

}  // namespace cattino::server::verbs
