// Words for why a task waits and why it ended as it did; always with the numbers.
#pragma once

#include <functional>
#include <string>

#include "core/scheduler.h"
#include "engine/views.h"
#include "engine/wording.h"

namespace cattino::engine {

/// Why a waiting task waits.
ReasonView describe_wait(const core::Reason& reason, const Wording& wording);

/// How a prerequisite ended: "train failed with exit status 3", "prepare was cancelled".
std::string describe_prerequisite(const std::string& name, const core::TaskState& state);

/// Why an ended task ended as it did, but for `dependency`, which needs more: views.cc.
std::string short_end(
    const core::TaskState& state, const std::function<std::string(core::Node)>& name);

/// The word of docs/protocol.md for the cause of an end; empty for a task that is Done.
std::string end_kind(const core::TaskState& state);

}  // namespace cattino::engine
