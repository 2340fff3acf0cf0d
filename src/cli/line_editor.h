// A prompt, while other things happen. Two files implement it: with libedit (keys, history, completion)
// where it was found at build time, and plain lines elsewhere.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cattino::cli {

/// What could stand for the last of `words`.
using Completer = std::function<std::vector<std::string>(const std::vector<std::string>& words)>;

/// Waits for input on stdin; meanwhile does what else there is to do. False: stop reading.
using WaitForInput = std::function<bool()>;

/// The words of a line as far as it goes, for completion: split at blanks, the last one maybe empty.
std::vector<std::string> words_so_far(std::string_view line);

class LineEditor {
 public:
  LineEditor(std::string prompt, Completer completer, WaitForInput wait);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// The next line; nothing at the end of input (Ctrl-D), or when waiting said to stop.
  std::optional<std::string> read_line();

  /// Prints text, which ends with a newline, above the prompt. For the callback that waits.
  void print_above(std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cattino::cli
