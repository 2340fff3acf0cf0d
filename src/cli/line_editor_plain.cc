// Lines as the terminal itself edits them.
#include <array>
#include <cerrno>
#include <cstdio>

#include <unistd.h>

#include "cli/line_editor.h"

namespace cattino::cli {

struct LineEditor::Impl {
  std::string prompt;
  WaitForInput wait;
  std::string buffer;
};

LineEditor::LineEditor(std::string prompt, Completer completer, WaitForInput wait)
    : impl_(std::make_unique<Impl>(Impl{std::move(prompt), std::move(wait), {}})) {
  static_cast<void>(completer);
}

LineEditor::~LineEditor() = default;

std::optional<std::string> LineEditor::read_line() {
  std::fputs(impl_->prompt.c_str(), stdout);
  std::fflush(stdout);
  while (true) {
    const std::size_t end = impl_->buffer.find('\n');
    if (end != std::string::npos) {
      std::string line = impl_->buffer.substr(0, end);
      impl_->buffer.erase(0, end + 1);
      return line;
    }
    if (!impl_->wait()) {
      return std::nullopt;
    }
    std::array<char, 4096> bytes{};
    const ssize_t count = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count == 0 || (count < 0 && errno != EINTR)) {
      return std::nullopt;
    }
    impl_->buffer.append(bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  }
}

void LineEditor::print_above(std::string_view text) {
  std::fputs("\r\033[K", stdout);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputs(impl_->prompt.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace cattino::cli
