// From a request to the verb that answers it.
#pragma once

#include "base/result.h"
#include "server/context.h"
#include "server/http.h"

namespace cattino::server {

/// Opens requests for an engine, which must outlive the result.
Open route_to(Context context);

/// For a daemon that cannot work: a request is answered with `reason` and status 503, but
/// POST /v1/exit; then `leave` is called, after that one with false. The next client gets another
/// daemon, which looks again at what was wrong.
Open refuse_all(const Error& reason, std::function<void(bool keep_tasks)> leave);

}  // namespace cattino::server
