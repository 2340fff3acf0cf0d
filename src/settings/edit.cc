// Finds the lines of a setting, and puts others in their place.
#include "settings/edit.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include <fmt/core.h>

#include "settings/toml.h"

namespace cattino::settings {

namespace {

/// Lines of the text, counted from 0; none is `first == last`.
struct Span {
  std::size_t first = 0;
  std::size_t last = 0;  ///< behind it
  std::size_t rest = 0;  ///< the column of the last line from which on something else follows
};

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += std::string("\\") + c;
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\u{:04X}", byte);
    } else {
      result += c;
    }
  }
  return result + "\"";
}

bool is_bare_key(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  });
}

std::string amounts_as_toml(const std::map<std::string, std::int64_t>& amounts) {
  std::string text;
  for (const auto& [name, amount] : amounts) {
    text += fmt::format(
        "{}{} = {}", text.empty() ? " " : ", ", is_bare_key(name) ? name : quoted(name), amount);
  }
  return "{" + text + " }";
}

std::string as_toml(const Entry& entry, const Settings& settings, const std::string& value) {
  switch (entry.type) {
    case Type::boolean:
    case Type::count:
    case Type::cores:
      return entry.shown(settings);  // as TOML takes it: without leading zeros
    case Type::amounts:
      return amounts_as_toml(settings.resources);
    case Type::text:
    case Type::choice:
    case Type::duration:
    case Type::size:
      break;
  }
  return quoted(value);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool has_table_of_its_own(const toml::node& node) {
  return node.is_table() && !node.as_table()->is_inline();
}

Span span_of(const toml::key& key, const toml::node& node) {
  const auto& end = node.source().end;
  return {key.source().begin.line - 1, end.line, end.column - 1};
}

/// Settings stand before the first table.
std::size_t place_for_new(const toml::table& table, std::size_t lines) {
  std::size_t place = lines;
  for (const auto& [key, node] : table) {
    if (has_table_of_its_own(node)) {
      place = std::min<std::size_t>(place, key.source().begin.line - 1);
    }
  }
  return place;
}

/// Where a character of the line begins, counted from 0.
std::size_t byte_of(const std::string& line, std::size_t character) {
  std::size_t at = 0;
  while (at < line.size() && character > 0) {
    ++at;
    while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0U) == 0x80U) {
      ++at;
    }
    --character;
  }
  return at;
}

/// What stands behind the value (a remark, the end of the line as some systems write it) stays.
std::string rest_of(const std::string& line, std::size_t character) {
  const std::string rest = line.substr(byte_of(line, character));
  const std::size_t mark = rest.find('#');
  return mark == std::string::npos ? (rest.ends_with('\r') ? "\r" : "") : "  " + rest.substr(mark);
}

/// Of a new line, as the others have it.
std::string line_end(const std::vector<std::string>& lines) {
  return !lines.empty() && lines.front().ends_with('\r') ? "\r" : "";
}

std::string joined_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += line + "\n";
  }
  return text;
}

}  // namespace

Result<std::string> edited(
    const std::string& path,
    const std::string& whole,
    const Entry& entry,
    const std::optional<std::string>& value) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  const bool marked = whole.starts_with(byte_order_mark);
  const std::string text = whole.substr(marked ? byte_order_mark.size() : 0);
  if (const Result<Settings> before = parse(path, text); !before) {
    return before.error();
  }
  const toml::parse_result parsed = toml::parse(text, path);
  const toml::table& table = parsed.table();
  std::vector<std::string> lines = lines_of(text);
  Span old{place_for_new(table, lines.size()), 0, 0};
  old.last = old.first;
  if (const auto at = table.find(entry.key); at != table.end()) {
    if (has_table_of_its_own(at->second)) {
      return Error{
          .code = ErrorCode::invalid,
          .message = fmt::format("{} is a table of its own in {}", entry.key, path),
          .field = entry.key,
          .hint = "edit it there"};
    }
    old = span_of(at->first, at->second);
  }
  std::vector<std::string> line;
  if (value && !value->empty()) {
    Settings settings;
    if (const Status applied = apply(settings, entry.key, *value); !applied) {
      Error error = applied.error();
      error.field = entry.key;
      return error;
    }
    const bool replaces = old.last > old.first;
    line.push_back(
        entry.key + " = " + as_toml(entry, settings, *value) +
        (replaces ? rest_of(lines[old.last - 1], old.rest) : line_end(lines)));
  }
  const auto first = lines.begin() + static_cast<std::ptrdiff_t>(old.first);
  const auto last = lines.begin() + static_cast<std::ptrdiff_t>(old.last);
  lines.insert(lines.erase(first, last), line.begin(), line.end());
  std::string result = (marked ? std::string(byte_order_mark) : "") + joined_lines(lines);
  if (const Result<Settings> after = parse(path, result); !after) {
    return after.error();
  }
  return result;
}

}  // namespace cattino::settings
