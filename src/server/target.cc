// %-escapes, parts and queries.
#include "server/target.h"

#include <optional>

#include <fmt/core.h>

namespace cattino::server {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// The byte that two digits stand for; -1 if they are not two digits.
int byte_of_hex(std::string_view digits) {
  const int high = digits.size() == 2 ? hex_value(digits[0]) : -1;
  const int low = digits.size() == 2 ? hex_value(digits[1]) : -1;
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int byte = byte_of_hex(text.substr(i + 1, 2));
    if (byte < 0) {
      return std::nullopt;
    }
    result += static_cast<char>(byte);
    i += 2;
  }
  return result;
}

/// Takes what is before the next `separator` off the front of `text`.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return taken;
}

}  // namespace

Status read_target(std::string_view target, Request& request) {
  const Error error{
      ErrorCode::invalid, fmt::format("'{}' has a % that begins no escape", target), {}, {}};
  target = target.substr(0, target.find('#'));
  std::string_view path = take_until(target, '?');
  request.path = path;
  while (!path.empty()) {
    const std::string_view part = take_until(path, '/');
    if (part.empty()) {
      continue;
    }
    std::optional<std::string> text = decoded(part, false);
    if (!text) {
      return error;
    }
    request.parts.push_back(std::move(*text));
  }
  while (!target.empty()) {
    std::string_view value = take_until(target, '&');
    if (value.empty()) {
      continue;
    }
    std::optional<std::string> name = decoded(take_until(value, '='), true);
    std::optional<std::string> text = decoded(value, true);
    if (!name || !text) {
      return error;
    }
    request.query.emplace_back(std::move(*name), std::move(*text));
  }
  return ok();
}

}  // namespace cattino::server
