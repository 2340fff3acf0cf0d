// The way of the four verbs that change tasks.
#pragma once

#include "server/verbs/verbs.h"

namespace cattino::server::verbs {

/// Reads the selection, asks the engine for `verb`, answers with what changed.
void act(Context& context, core::Verb verb, const Request& request, const Responder& responder);

}  // namespace cattino::server::verbs
