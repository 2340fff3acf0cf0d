// Reads the statements of a scenario that describe work: group, task, edge.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "sim/names.h"
#include "sim/scenario.h"
#include "sim/words.h"

namespace cattino::sim {

/// The ids given last.
struct LastIds {
  std::uint64_t task = 0;
  std::uint64_t group = 0;
};

/// What a scenario is read into.
struct Draft {
  Scenario scenario;
  Names names;
  LastIds ids;
  core::Submitted batch;  ///< work since the last `submit`
};

Status read_group(Words& words, Draft& draft);
Status read_task(Words& words, Draft& draft);
Status read_edge(Words& words, Draft& draft);

}  // namespace cattino::sim
