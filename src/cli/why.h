// Why a task stands where it stands, in one short paragraph.
#pragma once

#include <string>

#include "wire/tasks.h"

namespace cattino::cli {

/// Ends with a newline. What the user can do about it, where he can, is in it.
std::string why_text(const wire::Task& task);

}  // namespace cattino::cli
