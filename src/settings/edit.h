// Changes one setting in the text of a settings file, and leaves the rest of it as its author wrote it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "settings/settings.h"

namespace cattino::settings {

/// The `whole` text with `entry` set to `value` (as `Entry::apply` takes it), or without it if that is nothing or
/// empty. Errors name `path`: of text that is no settings file, of a value that is refused, of a setting
/// that has a table of its own in it.
Result<std::string> edited(
    const std::string& path,
    const std::string& whole,
    const Entry& entry,
    const std::optional<std::string>& value);

}  // namespace cattino::settings
