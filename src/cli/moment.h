// Moments as people write them.
#pragma once

#include <string_view>

#include "base/result.h"
#include "wire/common.h"

namespace cattino::cli {

/// "+2h" (from `now` on), "2026-12-01T08:00", "2026-12-01 08:00:30" or "2026-12-01" in local time, with
/// "Z" or "+01:00" behind it in that zone → milliseconds since 1970.
Result<wire::Milliseconds> parse_moment(std::string_view text, wire::Milliseconds now);

}  // namespace cattino::cli
