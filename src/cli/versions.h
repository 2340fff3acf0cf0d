// Programs of different versions side by side: which is the newer one, and what to do about it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cattino::cli {

/// "0.9.2" is older than "0.10". What is no number counts as 0.
bool is_older(std::string_view version, std::string_view other);

/// What to do when a backend that calls itself `server` ("cattino/0.1.0") refuses what we asked for; empty if
/// it is of our version, or does not say.
std::string version_hint(std::string_view server);

/// `binaries`/current, the programs from which the backend is started, also while tasks run: the directory
/// `kept` from now on, unless that is older than what was there. Daemons that start later come from it.
Result<std::string> prefer_programs(const std::string& kept, const std::string& binaries);

}  // namespace cattino::cli
