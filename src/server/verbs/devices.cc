// GET /v1/devices
#include "server/answers.h"
#include "server/verbs/input.h"
#include "server/verbs/verbs.h"

namespace cattino::server::verbs {

void devices(Context& context, const Request& request, const Responder& responder) {
  if (const Status good = Query{request}.check(); !good) {
    responder.fail(good.error());
    return;
  }
  context.engine.devices(
      [responder, host = context.host_name](const Result<engine::DevicesView>& view) {
        if (!view) {
          responder.fail(view.error());
          return;
        }
        wire::Devices answer = devices_of(view.value());
        answer.host.name = host;
        responder.send(wire::to_json(answer));
      });
}

}  // namespace cattino::server::verbs
