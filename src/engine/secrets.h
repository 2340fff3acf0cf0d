// Values of environment variables that must not be shown.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cattino::engine {

/// Does the name, or the value itself, say that this is a secret?
bool looks_secret(std::string_view name, std::string_view value);

/// "NAME=value" → pairs, secrets as "***".
std::vector<std::pair<std::string, std::string>> masked(const std::vector<std::string>& variables);

}  // namespace cattino::engine
