// Moments. Local time is the C library's.
#include "cli/moment.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>
#include <string>

#include <fmt/core.h>

#include "base/text.h"

namespace cattino::cli {

namespace {

constexpr wire::Milliseconds second_ms = 1000;
constexpr wire::Milliseconds minute_ms = 60 * second_ms;

Error wrong(std::string_view text, std::string_view what) {
  return {
      .code = ErrorCode::invalid,
      .message = fmt::format("'{}' {}", text, what),
      .hint = "write 2026-12-01T08:00 for a moment in local time, or +2h for in two hours"};
}

/// Takes so many digits off the front.
std::optional<int> take_digits(std::string_view& rest, std::size_t count) {
  int value = 0;
  const char* end = rest.data() + std::min(count, rest.size());
  const auto [stop, error] = std::from_chars(rest.data(), end, value);
  if (error != std::errc() || rest.size() < count || stop != end || rest.front() == '-') {
    return std::nullopt;
  }
  rest.remove_prefix(count);
  return value;
}

bool take(std::string_view& rest, std::string_view any_of) {
  const bool there = !rest.empty() && any_of.find(rest.front()) != std::string_view::npos;
  rest.remove_prefix(there ? 1 : 0);
  return there;
}

/// "12:30" or "12:30:15".
bool take_time(std::string_view& rest, std::tm& parts) {
  const std::optional<int> hour = take_digits(rest, 2);
  const bool colon = hour && take(rest, ":");
  const std::optional<int> minute = colon ? take_digits(rest, 2) : std::nullopt;
  const bool has_second = minute && take(rest, ":");
  const std::optional<int> second = has_second ? take_digits(rest, 2) : std::optional(0);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) {
    return false;
  }
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = *second;
  return true;
}

bool take_date(std::string_view& rest, std::tm& parts) {
  const std::optional<int> year = take_digits(rest, 4);
  const bool first = year && take(rest, "-");
  const std::optional<int> month = first ? take_digits(rest, 2) : std::nullopt;
  const bool second = month && take(rest, "-");
  const std::optional<int> day = second ? take_digits(rest, 2) : std::nullopt;
  if (!year || !month || !day) {
    return false;
  }
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  return true;
}

/// "Z", "+01:00", "-0530" → milliseconds east.
std::optional<wire::Milliseconds> take_zone(std::string_view& rest) {
  if (take(rest, "Zz")) {
    return 0;
  }
  const bool west = rest.front() == '-';
  if (!take(rest, "+-")) {
    return std::nullopt;
  }
  const std::optional<int> hours = take_digits(rest, 2);
  take(rest, ":");
  const std::optional<int> minutes = rest.empty() ? std::optional(0) : take_digits(rest, 2);
  if (!hours || !minutes || *minutes > 59) {
    return std::nullopt;
  }
  return (west ? -1 : 1) * (60LL * *hours + *minutes) * minute_ms;
}

Result<wire::Milliseconds> calendar_moment(std::string_view text) {
  std::string_view rest = text;
  std::tm parts{};
  if (!take_date(rest, parts) || (take(rest, "Tt ") && !take_time(rest, parts))) {
    return wrong(text, "is no moment");
  }
  const std::tm asked = parts;
  std::optional<wire::Milliseconds> east;
  if (!rest.empty()) {
    east = take_zone(rest);
    if (!east || !rest.empty()) {
      return wrong(text, "is no moment");
    }
  }
  parts.tm_isdst = -1;
  const std::time_t seconds = east ? timegm(&parts) : std::mktime(&parts);
  if (parts.tm_mday != asked.tm_mday || parts.tm_mon != asked.tm_mon) {
    return wrong(text, "is a day that there is not");
  }
  return seconds * second_ms - east.value_or(0);
}

}  // namespace

Result<wire::Milliseconds> parse_moment(std::string_view text, wire::Milliseconds now) {
  const std::string_view word = trimmed(text);
  if (!word.starts_with('+')) {
    return calendar_moment(word);
  }
  const Result<Duration> after = parse_duration(word.substr(1));
  return after ? Result<wire::Milliseconds>(now + after->ms()) : after.error();
}

}  // namespace cattino::cli
