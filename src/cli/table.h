// Text in columns that fit the screen.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.h"

namespace cattino::cli {

enum class Shrink : std::uint8_t {
  never,
  in_the_middle,  ///< for names
  at_the_end,     ///< for sentences
  wrap,           ///< for sentences: goes on in the next line
};

struct Column {
  std::string title;
  bool right = false;  ///< numbers
  Shrink shrink = Shrink::never;
  std::size_t least = 8;  ///< it is not made narrower than that
  std::size_t good = 8;   ///< nor than that, as long as others are wider than is good for them
};

struct Cell {
  std::string text;
  Colour colour = Colour::none;
  std::string brief{};  ///< shown instead where `text` does not fit
  bool to_end = false;  ///< it may use the columns that follow it as well, and is the row's last
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell for each column; missing ones at the end are blank.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  /// Lines, each with its newline and no blanks at its end. Columns in which no row has text are left
  /// out. On a screen with a width, what shrinks is shortened to fit, the later columns first:
  /// down to their good widths, and then to their least.
  [[nodiscard]] std::string text(const Screen& screen) const;

 private:
  [[nodiscard]] std::vector<std::size_t> natural_widths() const;
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t columns_of_screen) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace cattino::cli
