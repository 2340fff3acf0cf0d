// A run as a picture: one row a core, one bar a task, in SVG.
#pragma once

#include <string>
#include <vector>

#include "sim/workload.h"

namespace cattino::sim {

/// Tasks whose names differ only in their last part ("mProject_ID0000001") have one colour.
std::string gantt_svg(const Workload& workload, const std::vector<Span>& spans);

}  // namespace cattino::sim
