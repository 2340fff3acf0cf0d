// Reads the statements of a scenario that say how is decided, and what is counted:
//
//   policy reservations 2 reserve-after 0s backfill off     for those that do not fit: 1, 10m, on
//   policy order critical-path                              submission
//   policy aging 10s                                        none
//   policy fair half-life 1h weight 2:3                     users are not told apart; 7 days; each 1
//   counter licence 3
#pragma once

#include <vector>

#include "base/result.h"
#include "core/policy.h"
#include "sim/words.h"

namespace cattino::sim {

Status read_policy(Words& words, core::Policy& policy);
Status read_counter(Words& words, std::vector<core::CounterAmount>& counters);

}  // namespace cattino::sim
