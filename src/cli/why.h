// Why a task stands where it stands, in one short paragraph.
#pragma once

#include <string>

#include "cli/terminal.h"
#include "wire/tasks.h"

namespace cattino::cli {

/// One line, without its end. What the user can do about it, where he can, is in it.
std::string why_text(const wire::Task& task);

/// The text as lines that fit the screen. What may be copied (paths, commands between backquotes) is left whole.
std::string paragraph(const std::string& text, const Screen& screen);

}  // namespace cattino::cli
