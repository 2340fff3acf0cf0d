// The texts that calls to a Python host are known by: "t41/1/on_start", "g3/0/on_end", "t41/1/run".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/event.h"

namespace cattino::engine {

struct CallName {
  core::Node owner;
  std::uint32_t attempt = 0;
  std::optional<core::HookKind> hook;  ///< none: a run
};

std::string to_text(const CallName& call);
std::optional<CallName> parse_call(std::string_view text);

const char* name(core::HookKind hook);  ///< "on_start", "on_end"

}  // namespace cattino::engine
