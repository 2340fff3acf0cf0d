// The lines of a submission → what the engine stages, checked.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "wire/submission.h"

namespace cattino::server::verbs {

/// Errors have the path below the line: "request.min_devices".
Result<engine::Staging::Header> header_of(wire::Submission line);
Result<engine::Staging::NewGroup> group_of(wire::NewGroup line);
/// `directory`: the submission's, against which a relative one is meant.
Result<engine::Staging::NewTask> task_of(wire::NewTask line, const std::string& directory);

}  // namespace cattino::server::verbs
