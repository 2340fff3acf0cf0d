// What the terminal is like: widths, colours, and how wide text is on it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cattino::cli {

/// One of the standard streams.
struct Screen {
  bool is_terminal = false;
  bool colour = false;
  std::size_t columns = 0;  ///< 0: no limit, as in a pipe
  std::size_t rows = 0;
};

/// Looks at descriptor `fd`. `no_colour`: NO_COLOR is set, or the terminal is "dumb".
Screen screen_of(int fd, bool no_colour);

enum class Colour : std::uint8_t { none, red, green, yellow, blue, cyan, dim, bold };

/// `text` in a colour, if `enabled`.
std::string coloured(std::string_view text, Colour colour, bool enabled);

/// The colour of a status ("Running", …).
Colour colour_of_status(std::string_view status);

/// How many columns UTF-8 text takes. Bytes that are no text count as one.
std::size_t columns_of(std::string_view text);

/// At most `columns` wide, with "…" for what is left out: in the middle, where names differ least, or at
/// the end.
std::string shortened_in_the_middle(std::string_view text, std::size_t columns);
std::string shortened_at_the_end(std::string_view text, std::size_t columns);

/// Lines of at most `columns` columns, broken at blanks where there are any.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns);

/// What came from elsewhere, for a terminal: control characters, which could move its cursor or rename
/// its window, become "?"; a tab and a newline become a blank.
std::string harmless(std::string_view text);

}  // namespace cattino::cli
