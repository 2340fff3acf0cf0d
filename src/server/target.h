// The target of a request: its path and query, decoded.
#pragma once

#include <string_view>

#include "base/result.h"
#include "server/http.h"

namespace cattino::server {

/// Fills in path, parts and query of `request`. An error if a %-escape is none.
Status read_target(std::string_view target, Request& request);

}  // namespace cattino::server
