// Integer time. Nothing here reads a clock: `sys/clock.h` does.
#pragma once

#include <compare>
#include <cstdint>

namespace cattino {

/// A length of time in microseconds.
struct Duration {
  std::int64_t us = 0;

  static constexpr Duration milliseconds(std::int64_t count) { return {count * 1000}; }
  static constexpr Duration seconds(std::int64_t count) { return {count * 1000000}; }
  [[nodiscard]] constexpr std::int64_t ms() const { return us / 1000; }
  friend constexpr auto operator<=>(const Duration&, const Duration&) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return {a.us + b.us}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return {a.us - b.us}; }
  friend constexpr Duration operator*(Duration a, std::int64_t n) { return {a.us * n}; }
};

/// An instant: microseconds since 1970 (UTC), from a clock that never goes back within one daemon's
/// life. 0 means "never".
struct Time {
  std::int64_t us = 0;

  explicit constexpr operator bool() const { return us != 0; }
  [[nodiscard]] constexpr std::int64_t ms() const { return us / 1000; }
  friend constexpr auto operator<=>(const Time&, const Time&) = default;
  friend constexpr Time operator+(Time t, Duration d) { return {t.us + d.us}; }
  friend constexpr Time operator-(Time t, Duration d) { return {t.us - d.us}; }
  friend constexpr Duration operator-(Time a, Time b) { return {a.us - b.us}; }
};

}  // namespace cattino
