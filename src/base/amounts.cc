// Amounts as people type and read them. All arithmetic is on integers: "1.5GiB" is exact.
#include "base/amounts.h"

#include <array>
#include <cstddef>
#include <limits>
#include <optional>

#include <fmt/core.h>

#include "base/text.h"

namespace cattino {

namespace {

constexpr std::string_view accepted_mib =
    "write MiB as a number (20000), or a unit: 20GiB or 20G (powers of two), 20GB (powers of ten)";
constexpr std::string_view accepted_request =
    "write MiB as a number (20000), a unit (20GiB), or a share of the device (50% or 0.5)";

/// A decimal number: `whole` + `part` / `scale`.
struct Decimal {
  std::int64_t whole = 0;
  std::int64_t part = 0;
  std::int64_t scale = 1;
  bool has_point = false;
  bool dropped = false;  // digits other than 0 came after the last that counts

  [[nodiscard]] bool zero() const { return whole == 0 && part == 0 && !dropped; }
};

struct Unit {
  std::string_view name;  // lower case
  std::int64_t bytes;
};

constexpr std::int64_t kibi = 1024;
constexpr std::int64_t kilo = 1000;
constexpr std::int64_t bytes_in_mib = kibi * kibi;
constexpr std::array units = {
    Unit{"k", kibi},
    Unit{"kib", kibi},
    Unit{"kb", kilo},
    Unit{"m", bytes_in_mib},
    Unit{"mib", bytes_in_mib},
    Unit{"mb", kilo* kilo},
    Unit{"g", bytes_in_mib* kibi},
    Unit{"gib", bytes_in_mib* kibi},
    Unit{"gb", kilo* kilo* kilo},
    Unit{"t", bytes_in_mib* kibi* kibi},
    Unit{"tib", bytes_in_mib* kibi* kibi},
    Unit{"tb", kilo* kilo* kilo* kilo},
    Unit{"b", 1},
    Unit{"", bytes_in_mib},
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes the digits after the point; those after the sixth are dropped. Returns how many there were.
std::size_t take_fraction(std::string_view& text, Decimal& number) {
  constexpr std::int64_t finest = 1'000'000;
  std::size_t digits = 0;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    ++digits;
    if (number.scale == finest) {
      number.dropped = number.dropped || text.front() != '0';
      continue;
    }
    number.part = number.part * 10 + (text.front() - '0');
    number.scale *= 10;
  }
  return digits;
}

/// Takes a number off the front of `text`.
std::optional<Decimal> take_decimal(std::string_view& text) {
  constexpr std::int64_t largest = 1'000'000'000'000'000;
  Decimal number;
  std::size_t digits = 0;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    if (number.whole >= largest) {
      return std::nullopt;
    }
    number.whole = number.whole * 10 + (text.front() - '0');
    ++digits;
  }
  if (text.starts_with('.')) {
    number.has_point = true;
    text.remove_prefix(1);
    digits += take_fraction(text, number);
  }
  return digits > 0 ? std::optional(number) : std::nullopt;
}

const Unit* find_unit(std::string_view text) {
  std::string lower;
  for (const char c : text) {
    lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  for (const Unit& unit : units) {
    if (unit.name == lower) {
      return &unit;
    }
  }
  return nullptr;
}

Error invalid(std::string_view what, std::string_view text, std::string_view accepted) {
  return {
      .code = ErrorCode::invalid,
      .message = fmt::format("'{}' {}", text, what),
      .hint = std::string(accepted)};
}

Result<Mib> amount_of(
    const Decimal& number, const Unit& unit, std::string_view text, std::string_view accepted) {
  constexpr std::int64_t most_bytes = std::numeric_limits<std::int64_t>::max() / 4;
  if (number.whole > most_bytes / unit.bytes) {
    return invalid("is more memory than can be counted", text, accepted);
  }
  const std::int64_t bytes = number.whole * unit.bytes + number.part * unit.bytes / number.scale;
  const Mib amount{bytes / bytes_in_mib};
  if (amount.value == 0 && !number.zero()) {
    return invalid("is less than one MiB", text, accepted);
  }
  return amount;
}

Result<Mib> parse_amount(std::string_view text, std::string_view accepted) {
  std::string_view rest = trimmed(text);
  const std::optional<Decimal> number = take_decimal(rest);
  if (!number) {
    return invalid("is not an amount of memory", text, accepted);
  }
  const Unit* unit = find_unit(trimmed(rest));
  if (unit == nullptr) {
    return invalid("has no known unit of memory", text, accepted);
  }
  return amount_of(*number, *unit, text, accepted);
}

Result<MemoryRequest> share_of(const Decimal& number, std::int64_t one, std::string_view text) {
  constexpr std::int64_t millionths = 1'000'000;
  if (number.zero()) {
    return MemoryRequest{};
  }
  if (number.whole > one || (number.whole == one && number.part > 0)) {
    return invalid("is a share of more than the whole device", text, accepted_request);
  }
  const std::int64_t unit = millionths / one;
  const std::int64_t value = number.whole * unit + number.part * unit / number.scale;
  if (value == 0) {
    return invalid("is a share too small to count", text, accepted_request);
  }
  return MemoryRequest{MemoryRequest::Kind::share, value};
}

/// `amount` in tenths of `unit`, rounded down so that what is short never reads as enough.
std::string in_units(std::uint64_t amount, std::uint64_t unit, std::string_view name) {
  constexpr std::uint64_t one_decimal_below = 1000;
  const std::uint64_t whole = amount / unit;
  return whole < one_decimal_below ? fmt::format("{}.{} {}", whole, amount % unit * 10 / unit, name)
                                   : fmt::format("{} {}", whole, name);
}

}  // namespace

Result<Mib> parse_mib(std::string_view text) {
  return parse_amount(text, accepted_mib);
}

Result<MemoryRequest> parse_memory_request(std::string_view text) {
  std::string_view rest = trimmed(text);
  if (rest.empty()) {
    return MemoryRequest{};
  }
  const std::optional<Decimal> number = take_decimal(rest);
  rest = trimmed(rest);
  if (number && rest == "%") {
    return share_of(*number, 100, text);
  }
  if (number && rest.empty() && number->has_point) {
    return share_of(*number, 1, text);
  }
  const Result<Mib> amount = parse_amount(text, accepted_request);
  if (!amount) {
    return amount.error();
  }
  if (amount->value == 0) {
    return MemoryRequest{};
  }
  return MemoryRequest{MemoryRequest::Kind::mib, amount->value};
}

std::string describe(Mib amount) {
  constexpr std::uint64_t four_digits = 10'000;
  constexpr std::uint64_t gib = 1024;
  constexpr std::uint64_t tib = gib * 1024;
  const bool negative = amount.value < 0;
  const std::uint64_t size = negative ? 0 - static_cast<std::uint64_t>(amount.value)
                                      : static_cast<std::uint64_t>(amount.value);
  std::string text;
  if (size < four_digits) {
    text = fmt::format("{} MiB", size);
  } else if (size / gib < four_digits) {
    text = in_units(size, gib, "GiB");
  } else {
    text = in_units(size, tib, "TiB");
  }
  return negative ? "-" + text : text;
}

}  // namespace cattino
