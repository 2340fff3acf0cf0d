// Plays a scenario: the scheduling core on a simulated clock, with tasks that run as long as told.
#pragma once

#include <string>
#include <vector>

#include "sim/scenario.h"

namespace cattino::sim {

/// What happened, line by line. Things due at the same time happen in this order: what the file says,
/// then what tasks and hooks do, in the order in which they were begun. With the first of them come the
/// time limits, backoffs and reservations that are due.
std::vector<std::string> play(const Scenario& scenario);

/// The two side by side: lines of both with "  ", only expected with "- ", only happened with "+ ".
/// Empty if they are equal.
std::vector<std::string> difference(
    const std::vector<std::string>& expected, const std::vector<std::string>& happened);

}  // namespace cattino::sim
