// Layout: natural widths first, then narrower where a column allows it.
#include "cli/table.h"

#include <algorithm>

namespace cattino::cli {

namespace {

constexpr std::size_t gap = 2;

/// Columns that are shown from `first` on, gaps included.
std::size_t width_from(const std::vector<std::size_t>& widths, std::size_t first) {
  std::size_t total = 0;
  for (std::size_t i = first; i < widths.size(); ++i) {
    total += widths[i] > 0 ? widths[i] + (total > 0 ? gap : 0) : 0;
  }
  return total;
}

/// What is shown of a cell, a line each.
std::vector<std::string> lines_of(Shrink shrink, const Cell& cell, std::size_t width) {
  const bool fits = columns_of(cell.text) <= width;
  const std::string& text = fits || cell.brief.empty() ? cell.text : cell.brief;
  switch (shrink) {
    case Shrink::never:
      return {text};
    case Shrink::in_the_middle:
      return {shortened_in_the_middle(text, width)};
    case Shrink::at_the_end:
      return {shortened_at_the_end(text, width)};
    case Shrink::wrap:
      return wrapped(text, width);
  }
  return {text};
}

/// Writes rows whose columns have certain widths.
class RowWriter {
 public:
  RowWriter(const std::vector<Column>& columns, const std::vector<std::size_t>& widths, bool colour)
      : columns_(columns), widths_(widths), colour_(colour) {}

  [[nodiscard]] std::string row(const std::vector<Cell>& cells) const {
    std::vector<std::vector<std::string>> lines(cells.size());
    std::size_t height = 1;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const bool to_end = cells[i].to_end;
      const std::size_t width = to_end ? width_from(widths_, i) : widths_[i];
      lines[i] = lines_of((to_end ? columns_.back() : columns_[i]).shrink, cells[i], width);
      height = std::max(height, lines[i].size());
    }
    std::string text;
    for (std::size_t number = 0; number < height; ++number) {
      std::vector<Cell> shown;
      shown.reserve(cells.size());
      for (std::size_t i = 0; i < cells.size(); ++i) {
        shown.push_back({number < lines[i].size() ? lines[i][number] : "", cells[i].colour});
      }
      text += line(shown);
    }
    return text;
  }

 private:
  /// Blanks are written only before text, so that no line ends in them.
  [[nodiscard]] std::string line(const std::vector<Cell>& cells) const {
    std::string text;
    std::string blanks;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (widths_[i] == 0 && cells[i].text.empty()) {
        continue;
      }
      const std::size_t width = columns_of(cells[i].text);
      const std::string pad(widths_[i] > width ? widths_[i] - width : 0, ' ');
      blanks += columns_[i].right ? pad : "";
      if (!cells[i].text.empty()) {
        text += blanks + coloured(cells[i].text, cells[i].colour, colour_);
        blanks.clear();
      }
      blanks += (columns_[i].right ? std::string() : pad) + std::string(gap, ' ');
    }
    return text + "\n";
  }

  const std::vector<Column>& columns_;
  const std::vector<std::size_t>& widths_;
  bool colour_;
};

}  // namespace

std::vector<std::size_t> Table::natural_widths() const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].to_end ? 0 : columns_of(row[i].text));
    }
  }
  for (std::size_t i = 0; i < widths.size(); ++i) {
    widths[i] = widths[i] > 0 ? std::max(widths[i], columns_of(columns_[i].title)) : 0;
  }
  // What may use several columns makes the last of them wider if they are too narrow together.
  for (const auto& row : rows_) {
    if (row.empty() || !row.back().to_end || row.back().text.empty()) {
      continue;
    }
    if (widths.back() == 0) {
      widths.back() = columns_of(columns_.back().title);
    }
    const std::size_t there = width_from(widths, row.size() - 1);
    const std::size_t needed = columns_of(row.back().text);
    widths.back() += needed > there ? needed - there : 0;
  }
  return widths;
}

std::vector<std::size_t> Table::widths(std::size_t columns_of_screen) const {
  std::vector<std::size_t> widths = natural_widths();
  const std::size_t total = width_from(widths, 0);
  if (columns_of_screen == 0) {
    return widths;
  }
  std::size_t excess = total > columns_of_screen ? total - columns_of_screen : 0;
  for (const auto limit : {&Column::good, &Column::least}) {
    for (std::size_t i = widths.size(); i-- > 0;) {
      const std::size_t least = std::max(columns_[i].*limit, columns_[i].least);
      const bool shrinks = columns_[i].shrink != Shrink::never && widths[i] > least;
      const std::size_t cut = shrinks ? std::min(widths[i] - least, excess) : 0;
      widths[i] -= cut;
      excess -= cut;
    }
  }
  return widths;
}

std::string Table::text(const Screen& screen) const {
  const std::vector<std::size_t> widths = this->widths(screen.columns);
  std::vector<Cell> titles;
  titles.reserve(columns_.size());
  for (const Column& column : columns_) {
    titles.push_back({shortened_at_the_end(column.title, widths[titles.size()]), Colour::dim});
  }
  const RowWriter writer(columns_, widths, screen.colour);
  std::string text = writer.row(titles);
  for (const auto& row : rows_) {
    text += writer.row(row);
  }
  return text;
}

}  // namespace cattino::cli
