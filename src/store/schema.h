// The schema: whose database it is, which version, and how an older one is brought up to date.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace cattino::store {

class Connection;

/// "Meow" as PRAGMA application_id.
inline constexpr std::int64_t application_id = 0x4d656f77;

/// The version that this program writes.
std::int64_t schema_version();

/// Checks that the database is ours (or empty) and of a version that we know, and migrates it. One that
/// is not is left as it is. `log_left`: there was a log when it was opened.
Status prepare_schema(Connection& connection, bool log_left);

/// The check alone: for readers.
Status check_schema(Connection& connection);

}  // namespace cattino::store
