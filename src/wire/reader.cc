// The leaves of messages, and the words of what is wrong with them.
#include "wire/reader.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "base/text.h"

namespace cattino::wire {

namespace {

/// A value as an error shows it: short ones whole, long ones by what they are.
std::string shown(const boost::json::value& value) {
  constexpr std::size_t longest = 40;
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case boost::json::kind::int64:
      return std::to_string(value.get_int64());
    case boost::json::kind::uint64:
      return std::to_string(value.get_uint64());
    case boost::json::kind::double_:
      return fmt::format("{}", value.get_double());
    case boost::json::kind::string: {
      const std::string_view text = value.get_string();
      return text.size() <= longest ? fmt::format("'{}'", text) : "text";
    }
    case boost::json::kind::array:
      return "a list";
    case boost::json::kind::object:
      return "an object";
  }
  return "something else";
}

std::optional<double> number_of(const boost::json::value& from) {
  if (from.is_int64()) {
    return static_cast<double>(from.get_int64());
  }
  if (from.is_uint64()) {
    return static_cast<double>(from.get_uint64());
  }
  if (from.is_double()) {
    return from.get_double();
  }
  return std::nullopt;
}

std::string between(std::int64_t least, std::int64_t most, bool too_small) {
  return too_small ? fmt::format("an integer ≥ {}", least) : fmt::format("an integer ≤ {}", most);
}

}  // namespace

std::string Place::path() const {
  if (parent_ == nullptr) {
    return {};
  }
  std::string text = parent_->path();
  if (name_.empty()) {
    return text + fmt::format("[{}]", number_);
  }
  if (!text.empty()) {
    text += '.';
  }
  return text += name_;
}

bool Place::wrong(std::string message, std::string hint) const {
  error_ = Error{ErrorCode::invalid, std::move(message), path(), std::move(hint)};
  return false;
}

bool Place::expected(std::string_view what, const boost::json::value& got) const {
  return wrong(fmt::format("expected {}, got {}", what, shown(got)));
}

bool Place::unknown(std::string_view name, std::span<const std::string> known) const {
  const std::optional<std::string> near = nearest(name, known);
  return key(name).wrong(
      near ? fmt::format("unknown field (did you mean '{}'?)", *near) : "unknown field");
}

bool Place::missing(std::string_view name) const {
  return key(name).wrong("this field is missing");
}

bool read(const Place& place, const boost::json::value& from, bool& to) {
  if (!from.is_bool()) {
    return place.expected("true or false", from);
  }
  to = from.get_bool();
  return true;
}

bool read(const Place& place, const boost::json::value& from, std::string& to) {
  if (!from.is_string()) {
    return place.expected("text", from);
  }
  const std::string_view text = from.get_string();
  if (place.strict() && text.find('\0') != std::string_view::npos) {
    return place.wrong("text must not contain a NUL character");
  }
  to = text;
  return true;
}

bool read_signed(
    const Place& place,
    const boost::json::value& from,
    std::int64_t least,
    std::int64_t most,
    std::int64_t& to) {
  if (from.is_uint64()) {
    return place.expected(between(least, most, false), from);
  }
  if (!from.is_int64()) {
    return place.expected("an integer", from);
  }
  to = from.get_int64();
  return (to >= least && to <= most) || place.expected(between(least, most, to < least), from);
}

bool read_unsigned(
    const Place& place, const boost::json::value& from, std::uint64_t most, std::uint64_t& to) {
  if (from.is_uint64()) {
    to = from.get_uint64();
  } else if (!from.is_int64()) {
    return place.expected("an integer", from);
  } else if (from.get_int64() < 0) {
    return place.expected("an integer ≥ 0", from);
  } else {
    to = static_cast<std::uint64_t>(from.get_int64());
  }
  return to <= most || place.expected(fmt::format("an integer ≤ {}", most), from);
}

bool read(const Place& place, const boost::json::value& from, MemoryRequest& to) {
  constexpr double millionths = 1'000'000;
  if (from.is_string()) {
    if (std::string_view{from.get_string()} == "whole") {
      to = {};
      return true;
    }
    const Result<MemoryRequest> parsed = parse_memory_request(from.get_string());
    to = parsed ? *parsed : MemoryRequest{};
    return parsed || place.wrong(parsed.error().message, parsed.error().hint);
  }
  if (from.is_double()) {
    const double share = from.get_double();
    if (!(share > 0 && share <= 1)) {
      return place.expected(R"(MiB (an integer), a share in (0, 1] or text such as "20GiB")", from);
    }
    to = {MemoryRequest::Kind::share, std::max<std::int64_t>(1, std::llround(share * millionths))};
    return true;
  }
  std::int64_t mib = 0;
  if (!from.is_number()) {
    return place.expected(R"(MiB (an integer), a share in (0, 1] or text such as "20GiB")", from);
  }
  if (!read_signed(place, from, 0, std::numeric_limits<std::int64_t>::max(), mib)) {
    return false;
  }
  to = mib == 0 ? MemoryRequest{} : MemoryRequest{MemoryRequest::Kind::mib, mib};
  return true;
}

bool read(const Place& place, const boost::json::value& from, Millicores& to) {
  constexpr double thousandths = 1000;
  constexpr double most = 1'000'000'000;
  const std::optional<double> cores = number_of(from);
  if (!cores) {
    return place.expected("a number of cores", from);
  }
  if (!(*cores >= 0 && *cores <= most)) {
    return place.expected(*cores < 0 ? "a number ≥ 0" : "a number of cores", from);
  }
  to = {std::llround(*cores * thousandths)};
  if (to.value == 0 && *cores > 0) {
    to.value = 1;
  }
  return true;
}

bool read(const Place& place, const boost::json::value& from, Mib& to) {
  if (from.is_string()) {
    const Result<Mib> parsed = parse_mib(from.get_string());
    to = parsed ? *parsed : Mib{};
    return parsed || place.wrong(parsed.error().message, parsed.error().hint);
  }
  if (!from.is_number()) {
    return place.expected(R"(MiB (an integer) or text such as "20GiB")", from);
  }
  return read_signed(place, from, 0, std::numeric_limits<std::int64_t>::max(), to.value);
}

bool read(const Place& place, const boost::json::value& from, RetryEnd& to) {
  constexpr std::int64_t most = 255;
  constexpr std::array<std::string_view, 5> words = {"exit", "signal", "timeout", "oom", "lost"};
  if (from.is_int64() && from.get_int64() >= 1 && from.get_int64() <= most) {
    to.code = static_cast<std::uint8_t>(from.get_int64());
    return true;
  }
  const boost::json::string* word = from.if_string();
  if (word != nullptr && std::find(words.begin(), words.end(), *word) != words.end()) {
    to.word = *word;
    return true;
  }
  return place.expected(
      "an exit code from 1 to 255, or 'exit', 'signal', 'timeout', 'oom' or 'lost'", from);
}

bool read(const Place& place, const boost::json::value& from, Factor& to) {
  constexpr double millionths = 1'000'000;
  constexpr double most = 1000;
  const std::optional<double> factor = number_of(from);
  if (!factor || !(*factor >= 0 && *factor <= most)) {
    return place.expected("a number from 0 to 1000", from);
  }
  to.ppm = std::llround(*factor * millionths);
  return true;
}

bool read(const Place& place, const boost::json::value& from, Number& to) {
  const std::optional<double> number = number_of(from);
  if (!number) {
    return place.expected("a number", from);
  }
  to.value = *number;
  return true;
}

}  // namespace cattino::wire
