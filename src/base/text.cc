// Durations, counts, nearest words and UTF-8. Command lines are in command_words.cc.
#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include <fmt/core.h>

namespace cattino {

namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t minute_us = 60 * second_us;
constexpr std::int64_t hour_us = 60 * minute_us;
constexpr std::int64_t day_us = 24 * hour_us;
/// Far from overflow when added to an instant.
constexpr std::int64_t longest_us = 36500 * day_us;

struct TimeUnit {
  std::string_view name;
  std::int64_t us;
};

constexpr std::array time_units = {
    TimeUnit{"ms", 1000},
    TimeUnit{"s", second_us},
    TimeUnit{"sec", second_us},
    TimeUnit{"m", minute_us},
    TimeUnit{"min", minute_us},
    TimeUnit{"h", hour_us},
    TimeUnit{"d", day_us},
    TimeUnit{"w", 7 * day_us},
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

Error bad_duration(std::string_view text, std::string_view what) {
  return {
      .code = ErrorCode::invalid,
      .message = fmt::format("'{}' {}", text, what),
      .hint = "write seconds as a number (90), or units of w, d, h, m, s, ms: 90s, 1h30m, 2d"};
}

void skip_spaces(std::string_view& rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) {
    rest.remove_prefix(1);
  }
}

/// A number of at most 15 digits in millionths, so that "1.5" is exact; -1 if there is none.
std::int64_t take_millionths(std::string_view& rest) {
  constexpr std::int64_t one = 1'000'000;
  std::int64_t value = 0;
  std::size_t digits = 0;
  for (; !rest.empty() && is_digit(rest.front()) && digits < 12; rest.remove_prefix(1)) {
    value = value * 10 + (rest.front() - '0');
    ++digits;
  }
  value *= one;
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    for (std::int64_t place = one / 10; !rest.empty() && is_digit(rest.front()); place /= 10) {
      value += place * (rest.front() - '0');
      ++digits;
      rest.remove_prefix(1);
    }
  }
  return digits == 0 ? -1 : value;
}

std::string take_word(std::string_view& rest) {
  std::string word;
  while (!rest.empty() && lower(rest.front()) >= 'a' && lower(rest.front()) <= 'z') {
    word.push_back(lower(rest.front()));
    rest.remove_prefix(1);
  }
  return word;
}

/// Takes a unit off the front of `rest`, with the spaces around it; 0 if there is none. A number that
/// stands alone is seconds.
std::int64_t take_unit(std::string_view& rest, bool may_be_alone) {
  skip_spaces(rest);
  const std::string word = take_word(rest);
  skip_spaces(rest);
  if (word.empty()) {
    return may_be_alone && rest.empty() ? second_us : 0;
  }
  for (const TimeUnit& unit : time_units) {
    if (unit.name == word) {
      return unit.us;
    }
  }
  return 0;
}

/// `count` millionths of `unit_us`; -1 if over the longest duration.
std::int64_t scaled(std::int64_t count, std::int64_t unit_us) {
  constexpr std::int64_t one = 1'000'000;
  if (count / one > longest_us / unit_us) {
    return -1;
  }
  return count / one * unit_us + count % one * unit_us / one;
}

/// The edit distance (insert, delete, replace, swap neighbours), ignoring case.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before;
  std::vector<std::size_t> above(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    above[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      row[j] = swapped ? std::min(row[j], before[j - 2] + 1) : row[j];
    }
    before = std::move(above);
    above = std::move(row);
  }
  return above[b.size()];
}

/// The length of the UTF-8 character at the front of `text`; 0 if it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    return 1;
  }
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) >= 0xA0;
  const bool too_big = first == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_big ? 0 : length;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  std::string_view rest = text;
  skip_spaces(rest);
  std::int64_t total = 0;
  std::int64_t unit_before = 0;
  do {
    const std::int64_t count = take_millionths(rest);
    if (count < 0) {
      return bad_duration(text, "is not a length of time");
    }
    const std::int64_t unit_us = take_unit(rest, unit_before == 0);
    if (unit_us == 0) {
      return bad_duration(text, "lacks a unit of time, or has an unknown one");
    }
    if (unit_before != 0 && unit_us >= unit_before) {
      return bad_duration(text, "does not go from larger to smaller units");
    }
    unit_before = unit_us;
    const std::int64_t us = scaled(count, unit_us);
    if (us < 0 || us > longest_us - total) {
      return bad_duration(text, "is longer than a hundred years");
    }
    total += us;
  } while (!rest.empty());
  return Duration{total};
}

std::string describe(Duration duration) {
  const std::int64_t us = duration.us;
  if (us < 0) {
    return fmt::format("-{}", describe(Duration{us > -longest_us ? -us : longest_us}));
  }
  if (us == 0) {
    return "0 s";
  }
  if (us < second_us / 10) {
    return us < 1000 ? "<1 ms" : fmt::format("{} ms", us / 1000);
  }
  if (us < 10 * second_us) {
    return fmt::format("{}.{} s", us / second_us, us % second_us * 10 / second_us);
  }
  if (us < minute_us) {
    return fmt::format("{} s", us / second_us);
  }
  if (us < hour_us) {
    return fmt::format("{} m {:02} s", us / minute_us, us % minute_us / second_us);
  }
  if (us < day_us) {
    return fmt::format("{} h {:02} m", us / hour_us, us % hour_us / minute_us);
  }
  return fmt::format("{} d {:02} h", us / day_us, us % day_us / hour_us);
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> words) {
  constexpr std::size_t longest = 128;  // quadratic below
  if (word.size() > longest) {
    return std::nullopt;
  }
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : words) {
    if (candidate.size() > longest) {
      continue;
    }
    const std::size_t far = distance(word, candidate);
    if (far < best_distance && far < std::max(word.size(), candidate.size())) {
      best = &candidate;
      best_distance = far;
    }
  }
  return best != nullptr ? std::optional(*best) : std::nullopt;
}

std::optional<std::int64_t> parse_whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && stop == text.data() + text.size();
  return good ? std::optional(value) : std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

std::string count_of(std::int64_t count, std::string_view singular, std::string_view plural) {
  if (count == 1) {
    return fmt::format("1 {}", singular);
  }
  return plural.empty() ? fmt::format("{} {}s", count, singular)
                        : fmt::format("{} {}", count, plural);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace cattino
