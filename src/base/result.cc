// Errors of system calls, in words.
#include "base/result.h"

#include <cstring>

#include <fmt/core.h>

namespace cattino {

Error system_error(std::string_view tried, std::string_view on, int error_number) {
  const char* meaning = strerrordesc_np(error_number);
  const std::string why = meaning != nullptr ? meaning : fmt::format("error {}", error_number);
  return {
      .code = ErrorCode::system,
      .message = on.empty() ? fmt::format("cannot {}: {}", tried, why)
                            : fmt::format("cannot {} {}: {}", tried, on, why)};
}

}  // namespace cattino
