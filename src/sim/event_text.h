// Events as lines for people: what it takes to break a rule.
#pragma once

#include <string>

#include "base/time.h"
#include "core/event.h"

namespace cattino::sim {

std::string text(Time at, const core::Event& event);

}  // namespace cattino::sim
