// What a new task asks for, and when it is run again: from its line to the core's words, checked.
#pragma once

#include "base/result.h"
#include "core/task.h"
#include "wire/submission.h"

namespace cattino::server::verbs {

/// Errors have the path below the task: "request.time_limit".
Result<core::Request> request_of(wire::Request line);
/// Without retries all the rest means nothing, and is the default.
Result<core::RetryPolicy> retry_of(const wire::NewTask& line);
/// MiB that each log may take; 0: any; unset: the setting says.
Result<std::optional<Mib>> log_limit_of(const wire::NewTask& line);
/// 0: at once.
Result<Time> not_before_of(const wire::NewTask& line);

}  // namespace cattino::server::verbs
