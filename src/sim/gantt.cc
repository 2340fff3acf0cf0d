// Drawing with rectangles.
#include "sim/gantt.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

#include <fmt/core.h>

namespace cattino::sim {
namespace {

constexpr double width = 1200;
constexpr double row_height = 16;
constexpr double left = 50;
constexpr double bottom = 24;
constexpr int ticks = 6;

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '&':
        result += "&amp;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string kind_of(const std::string& name) {
  return name.substr(0, name.find_last_of("_-."));
}

/// Hues a golden angle apart, in the order of appearance.
class Colours {
 public:
  std::string of(const std::string& kind) {
    const auto known = hues_.emplace(kind, hues_.size()).first;
    return fmt::format("hsl({},60%,62%)", known->second * 137 % 360);
  }

 private:
  std::map<std::string, std::size_t> hues_;
};

std::string seconds(double us) {
  return us < 10e6 ? fmt::format("{:.1f} s", us / 1e6) : fmt::format("{:.0f} s", us / 1e6);
}

}  // namespace

std::string gantt_svg(const Workload& workload, const std::vector<Span>& spans) {
  const std::vector<std::size_t> lanes = lanes_of(spans);
  std::size_t rows = 0;
  double last = 1;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    rows = std::max(rows, lanes[i] + 1);
    last = std::max(last, static_cast<double>(spans[i].end.us));
  }
  const double scale = (width - left) / last;
  const double height = static_cast<double>(rows) * row_height;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" "
      "font-size=\"10\">\n",
      width + 10,
      height + bottom);
  for (std::size_t row = 0; row < rows; ++row) {
    const double y = static_cast<double>(row + 1) * row_height - 5;
    svg += fmt::format("<text x=\"2\" y=\"{:.0f}\">core {}</text>\n", y, row);
  }
  Colours colours;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const std::string& name = workload.names[spans[i].task];
    const double start = static_cast<double>(spans[i].start.us);
    const double run = static_cast<double>(spans[i].end.us) - start;
    svg += fmt::format(
        "<rect x=\"{:.2f}\" y=\"{:.0f}\" width=\"{:.2f}\" height=\"{:.0f}\" fill=\"{}\"><title>{}: "
        "{} "
        "for {}</title></rect>\n",
        left + start * scale,
        static_cast<double>(lanes[i]) * row_height + 1,
        std::max(run * scale, 0.2),
        row_height - 2,
        colours.of(kind_of(name)),
        escaped(name),
        seconds(start),
        seconds(run));
  }
  for (int tick = 0; tick <= ticks; ++tick) {
    const double at = last * tick / ticks;
    const char* anchor = tick == 0 ? "start" : tick == ticks ? "end" : "middle";
    svg += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"{}\">{}</text>\n",
        left + at * scale,
        height + bottom / 2 + 4,
        anchor,
        seconds(at));
  }
  return svg + "</svg>\n";
}

}  // namespace cattino::sim
