// Workflows that others recorded, in WfFormat 1.5 (wfcommons.org): tasks, who waits for whom, and how long
// each ran.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sim/workload.h"

namespace cattino::sim {

/// Each task asks for one core and no device. Runs are rounded to microseconds. The error's `field` is the
/// place in the document, such as "workflow.specification.tasks[3].parents[0]".
Result<Workload> read_workflow(std::string_view text);

}  // namespace cattino::sim
