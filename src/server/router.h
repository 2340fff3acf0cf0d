// From a request to the verb that answers it.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "server/context.h"
#include "server/http.h"

namespace cattino::server {

/// Opens requests for an engine, which must outlive the result.
Open route_to(Context context);

struct Refusal {
  std::function<void(bool keep_tasks)> leave;
  std::function<Result<std::string>()> set_aside;  ///< moves the stored state away; where to
};

/// For a daemon that cannot work: a request is answered with `reason` and status 503 (500 if the stored
/// state is damaged), but POST /v1/exit, and POST /v1/set-aside of what is damaged; then `leave` is called,
/// after exit with false. The next client gets another daemon, which looks again at what was wrong.
Open refuse_all(const Error& reason, Refusal refusal);

}  // namespace cattino::server
