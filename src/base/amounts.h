// Amounts as integers: memory in MiB, shares in millionths, cores in thousandths.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cattino {

// clang-tidy 14 takes the 0 that `a < b` compares with, once <=> is defaulted, for a null pointer.
struct Mib {
  std::int64_t value = 0;

  friend constexpr auto operator<=>(const Mib&, const Mib&) = default;
  friend constexpr Mib operator+(Mib a, Mib b) { return {a.value + b.value}; }
  friend constexpr Mib operator-(Mib a, Mib b) { return {a.value - b.value}; }
  Mib& operator+=(Mib other) {
    value += other.value;
    return *this;
  }
  Mib& operator-=(Mib other) {
    value -= other.value;
    return *this;
  }
};

/// Thousandths of a core.
struct Millicores {
  std::int64_t value = 0;

  friend constexpr auto operator<=>(const Millicores&, const Millicores&) = default;
};

/// What a task asks of each device's memory.
struct MemoryRequest {
  enum class Kind : std::uint8_t {
    whole,  ///< an accelerator alone; on a shared `cpu` device, no claim
    mib,    ///< `value` MiB
    share,  ///< `value` millionths of the device's total
  };
  Kind kind = Kind::whole;
  std::int64_t value = 0;

  friend auto operator<=>(const MemoryRequest&, const MemoryRequest&) = default;
};

/// "20GiB", "512MiB", "20G", "20GB", "20000" (MiB) → MiB. K, M, G, T alone and with "iB" are powers of
/// two, with "B" powers of ten; case is free; the result is rounded down, but never to nothing.
Result<Mib> parse_mib(std::string_view text);

/// "20GiB", "20000", "50%" or "0.5" (a share in (0, 1]) → a request. "", "0" → whole.
Result<MemoryRequest> parse_memory_request(std::string_view text);

/// "24.0 GiB", "3100 MiB": at most four significant digits.
std::string describe(Mib amount);

}  // namespace cattino
