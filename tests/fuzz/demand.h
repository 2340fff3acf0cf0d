// What fuzz targets share: a rule that must hold, and bytes taken apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace cattino::fuzz {

/// Ends the program, which is how a fuzzer learns of it, unless `holds`.
inline void demand(bool holds, const char* rule) {
  if (!holds) {
    std::fprintf(stderr, "broken rule: %s\n", rule);
    std::abort();
  }
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Takes the first byte away; 0 if there is none.
inline std::uint8_t take_byte(std::string_view& bytes) {
  if (bytes.empty()) {
    return 0;
  }
  const auto byte = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  return byte;
}

}  // namespace cattino::fuzz
