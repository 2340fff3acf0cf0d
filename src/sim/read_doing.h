// Reads the statements of a scenario that say what happens: `at TIME …`.
#pragma once

#include "base/result.h"
#include "sim/read_work.h"
#include "sim/words.h"

namespace cattino::sim {

Status read_doing(Words& words, Draft& draft);

}  // namespace cattino::sim
