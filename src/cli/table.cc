// Layout: natural widths first, then narrower where a column allows it.
#include "cli/table.h"

#include <algorithm>

namespace cattino::cli {

namespace {

constexpr std::size_t gap = 2;

std::string fitted(const Column& column, const std::string& text, std::size_t width) {
  switch (column.shrink) {
    case Shrink::never:
      return text;
    case Shrink::in_the_middle:
      return shortened_in_the_middle(text, width);
    case Shrink::at_the_end:
      return shortened_at_the_end(text, width);
  }
  return text;
}

}  // namespace

std::vector<std::size_t> Table::widths(std::size_t columns_of_screen) const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], columns_of(row[i].text));
    }
  }
  std::size_t total = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] > 0) {
      widths[i] = std::max(widths[i], columns_of(columns_[i].title));
      total += widths[i] + (total > 0 ? gap : 0);
    }
  }
  if (columns_of_screen == 0) {
    return widths;
  }
  const auto shrink_to = [&](std::size_t Column::*limit) {
    for (std::size_t i = widths.size(); i-- > 0 && total > columns_of_screen;) {
      const std::size_t least = std::max(columns_[i].*limit, columns_[i].least);
      if (columns_[i].shrink != Shrink::never && widths[i] > least) {
        const std::size_t cut = std::min(widths[i] - least, total - columns_of_screen);
        widths[i] -= cut;
        total -= cut;
      }
    }
  };
  shrink_to(&Column::good);
  shrink_to(&Column::least);
  return widths;
}

std::string Table::text(const Screen& screen) const {
  const std::vector<std::size_t> widths = this->widths(screen.columns);
  std::string text;
  const auto add_line = [&](const auto& cell_at) {
    std::string line;
    std::string blanks;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (widths[i] == 0) {
        continue;
      }
      const Cell cell = cell_at(i);
      const std::string shown = fitted(columns_[i], cell.text, widths[i]);
      const std::size_t width = columns_of(shown);
      const std::string pad(widths[i] > width ? widths[i] - width : 0, ' ');
      if (columns_[i].right) {
        blanks += pad;
      }
      if (!shown.empty()) {
        line += blanks + coloured(shown, cell.colour, screen.colour);
        blanks.clear();
      }
      blanks += (columns_[i].right ? std::string() : pad) + std::string(gap, ' ');
    }
    text += line + "\n";
  };
  add_line([&](std::size_t i) { return Cell{columns_[i].title, Colour::dim}; });
  for (const auto& row : rows_) {
    add_line([&](std::size_t i) { return i < row.size() ? row[i] : Cell{}; });
  }
  return text;
}

}  // namespace cattino::cli
