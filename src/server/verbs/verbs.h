// The verbs of the API, one file each. Those with a body get it whole; `create` takes it as it arrives.
#pragma once

#include <memory>

#include "server/context.h"
#include "server/http.h"

namespace cattino::server::verbs {

std::unique_ptr<Body> create(Context& context, Responder responder);

void list(Context& context, const Request& request, const Responder& responder);
void show(Context& context, const Request& request, const Responder& responder);
void cancel(Context& context, const Request& request, const Responder& responder);
void kill(Context& context, const Request& request, const Responder& responder);
void resume(Context& context, const Request& request, const Responder& responder);
void remove(Context& context, const Request& request, const Responder& responder);
void wait(Context& context, const Request& request, const Responder& responder);
void feed(Context& context, const Request& request, const Responder& responder);
void devices(Context& context, const Request& request, const Responder& responder);
void health(Context& context, const Request& request, const Responder& responder);
void exit(Context& context, const Request& request, const Responder& responder);
void set_aside(Context& context, const Request& request, const Responder& responder);
void end_unknown(Context& context, const Request& request, const Responder& responder);
void host(Context& context, const Request& request, const Responder& responder);

}  // namespace cattino::server::verbs
