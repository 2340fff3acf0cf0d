// Errors of system calls, in words.
#include "base/result.h"

#include <cerrno>
#include <cstring>

#include <fmt/core.h>

namespace cattino {

Error system_error(std::string_view tried, std::string_view on, int error_number) {
  const char* meaning = strerrordesc_np(error_number);
  const std::string why = meaning != nullptr ? meaning : fmt::format("error {}", error_number);
  const bool no_room = error_number == ENOSPC || error_number == EDQUOT;
  return {
      .code = no_room ? ErrorCode::unavailable : ErrorCode::system,
      .message = on.empty() ? fmt::format("cannot {}: {}", tried, why)
                            : fmt::format("cannot {} {}: {}", tried, on, why),
      .hint = no_room ? "make room on that filesystem" : ""};
}

}  // namespace cattino
