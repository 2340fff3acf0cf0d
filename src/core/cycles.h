// Cycles among the prerequisites of new work, those through groups included.
#pragma once

#include <cstddef>
#include <vector>

#include "core/event.h"

namespace cattino::core {

/// Up to `most` cycles, each as its nodes in order: every one waits for the one before, the first for
/// the last. Edges from or to nodes outside the work cannot close a cycle and are passed over.
std::vector<std::vector<Node>> find_cycles(const Submitted& work, std::size_t most);

}  // namespace cattino::core
