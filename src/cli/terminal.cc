// ioctl for the size, wcwidth for the width of characters.
#include "cli/terminal.h"

#include <algorithm>
#include <clocale>
#include <cwchar>

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace cattino::cli {

namespace {

/// One character of UTF-8 text.
struct Character {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};

bool is_ascii(std::string_view text) {
  return std::all_of(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 128; });
}

/// Widths need a locale that knows characters; nothing else of it is used. Only text that is not
/// ASCII pays for it.
void need_locale() {
  static const bool done = [] {
    // NOLINTBEGIN(concurrency-mt-unsafe): meow has one thread
    return setlocale(LC_CTYPE, "C.UTF-8") != nullptr || setlocale(LC_CTYPE, "") != nullptr;
    // NOLINTEND(concurrency-mt-unsafe)
  }();
  static_cast<void>(done);
}

Character first_character(std::string_view text) {
  if (static_cast<unsigned char>(text.front()) < 128) {
    return {};
  }
  need_locale();
  std::mbstate_t state{};
  wchar_t wide = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): unsafe only without a state
  const std::size_t bytes = std::mbrtowc(&wide, text.data(), text.size(), &state);
  if (bytes == 0 || bytes > text.size()) {
    return {};
  }
  const int columns = wcwidth(wide);
  return {bytes, columns < 0 ? 1 : static_cast<std::size_t>(columns)};
}

/// The longest beginning of `text` that is at most `columns` wide.
std::string_view beginning(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const Character next = first_character(text.substr(bytes));
    if (next.columns > columns) {
      break;
    }
    columns -= next.columns;
    bytes += next.bytes;
  }
  return text.substr(0, bytes);
}

/// The longest end of `text` that is at most `columns` wide.
std::string_view ending(std::string_view text, std::size_t columns) {
  std::size_t total = columns_of(text);
  while (total > columns) {
    const Character next = first_character(text);
    text.remove_prefix(next.bytes);
    total -= next.columns;
  }
  return text;
}

constexpr std::string_view ellipsis = "…";

}  // namespace

Screen screen_of(int fd, bool no_colour) {
  Screen screen;
  screen.is_terminal = isatty(fd) == 1;
  if (!screen.is_terminal) {
    return screen;
  }
  screen.colour = !no_colour;
  winsize size{};
  const bool known = ioctl(fd, TIOCGWINSZ, &size) == 0;
  screen.columns = known && size.ws_col > 0 ? size.ws_col : 80;
  screen.rows = known && size.ws_row > 0 ? size.ws_row : 24;
  return screen;
}

std::string coloured(std::string_view text, Colour colour, bool enabled) {
  if (!enabled) {
    return std::string(text);
  }
  const char* code = "";
  switch (colour) {
    case Colour::none:
      return std::string(text);
    case Colour::red:
      code = "31";
      break;
    case Colour::green:
      code = "32";
      break;
    case Colour::yellow:
      code = "33";
      break;
    case Colour::blue:
      code = "34";
      break;
    case Colour::cyan:
      code = "36";
      break;
    case Colour::dim:
      code = "2";
      break;
    case Colour::bold:
      code = "1";
      break;
  }
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

Colour colour_of_status(std::string_view status) {
  if (status == "Running") {
    return Colour::cyan;
  }
  if (status == "Done") {
    return Colour::green;
  }
  if (status == "Failed") {
    return Colour::red;
  }
  if (status == "Cancelled") {
    return Colour::dim;
  }
  return status == "Waiting" ? Colour::yellow : Colour::none;
}

std::size_t columns_of(std::string_view text) {
  if (is_ascii(text)) {
    return text.size();
  }
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character next = first_character(text);
    columns += next.columns;
    text.remove_prefix(next.bytes);
  }
  return columns;
}

std::string shortened_in_the_middle(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) {
    return std::string(text);
  }
  if (columns < 3) {
    return std::string(beginning(text, columns));
  }
  const std::size_t kept = columns - 1;
  std::string result(beginning(text, kept - kept / 2));
  result += ellipsis;
  result += ending(text, kept / 2);
  return result;
}

std::string shortened_at_the_end(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) {
    return std::string(text);
  }
  if (columns == 0) {
    return {};
  }
  return std::string(beginning(text, columns - 1)) + std::string(ellipsis);
}

std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  while (columns > 0 && columns_of(text) > columns) {
    std::string_view line = beginning(text, columns);
    if (line.empty()) {
      break;  // a wide character on a screen of one column
    }
    if (text[line.size()] != ' ' && line.find(' ') != std::string_view::npos) {
      line = line.substr(0, line.find_last_of(' '));
    }
    lines.emplace_back(line);
    text.remove_prefix(line.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  if (!text.empty() || lines.empty()) {
    lines.emplace_back(text);
  }
  return lines;
}

std::string harmless(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n' || c == '\t') {
      c = ' ';
    } else if (byte < 32 || byte == 127) {
      c = '?';
    }
  }
  return result;
}

}  // namespace cattino::cli
