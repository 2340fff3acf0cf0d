// What both line editors share.
#include "cli/line_editor.h"

namespace cattino::cli {

std::vector<std::string> words_so_far(std::string_view line) {
  std::vector<std::string> words(1);
  for (const char c : line) {
    if (c != ' ' && c != '\t') {
      words.back().push_back(c);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

}  // namespace cattino::cli
