// The prompt by libedit, which asks us for each character, so that waiting for it is ours.
#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>

#include <histedit.h>
#include <unistd.h>

#include "cli/line_editor.h"

namespace cattino::cli {

struct LineEditor::Impl {
  std::string prompt;
  Completer completer;
  WaitForInput wait;
  EditLine* line = nullptr;
  History* history = nullptr;
  bool reading = false;

  static Impl& of(EditLine* line) {
    void* self = nullptr;
    el_get(line, EL_CLIENTDATA, &self);
    return *static_cast<Impl*>(self);
  }

  static char* prompt_of(EditLine* line) { return of(line).prompt.data(); }
  static int next_character(EditLine* line, wchar_t* out);
  static unsigned char complete(EditLine* line, int key);
};

/// One wide character from stdin: 1, or 0 at the end of input.
int LineEditor::Impl::next_character(EditLine* line, wchar_t* out) {
  std::mbstate_t state{};
  while (true) {
    if (!of(line).wait()) {
      return 0;
    }
    char byte = 0;
    const ssize_t count = read(STDIN_FILENO, &byte, 1);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
      continue;
    }
    if (count <= 0) {
      return 0;
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): unsafe only without a state
    const std::size_t result = std::mbrtowc(out, &byte, 1, &state);
    if (result == static_cast<std::size_t>(-1)) {
      state = {};  // no text: dropped
    } else if (result != static_cast<std::size_t>(-2)) {
      return 1;
    }
  }
}

unsigned char LineEditor::Impl::complete(EditLine* line, int /*key*/) {
  Impl& self = of(line);
  const LineInfo* info = el_line(line);
  const std::vector<std::string> words =
      words_so_far({info->buffer, static_cast<std::size_t>(info->cursor - info->buffer)});
  const std::vector<std::string> found = self.completer(words);
  if (found.empty()) {
    return CC_REFRESH_BEEP;
  }
  std::string common = found.front();
  for (const std::string& word : found) {
    const auto ends = std::mismatch(common.begin(), common.end(), word.begin(), word.end());
    common.erase(ends.first, common.end());
  }
  std::string added = common.substr(std::min(words.back().size(), common.size()));
  if (found.size() == 1) {
    added += ' ';
  }
  if (!added.empty()) {
    return el_insertstr(line, added.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
  }
  std::string list;
  for (const std::string& word : found) {
    list += word + "  ";
  }
  std::fprintf(stdout, "\n%s\n", list.c_str());
  std::fflush(stdout);
  return CC_REDISPLAY;
}

LineEditor::LineEditor(std::string prompt, Completer completer, WaitForInput wait)
    : impl_(std::make_unique<Impl>()) {
  // What the terminal's bytes mean. NOLINTNEXTLINE(concurrency-mt-unsafe): meow has one thread
  setlocale(LC_CTYPE, "");
  impl_->prompt = std::move(prompt);
  impl_->completer = std::move(completer);
  impl_->wait = std::move(wait);
  impl_->line = el_init("meow", stdin, stdout, stderr);
  impl_->history = history_init();
  HistEvent event{};
  constexpr int lines_kept = 1000;
  history(impl_->history, &event, H_SETSIZE, lines_kept);
  history(impl_->history, &event, H_SETUNIQUE, 1);
  EditLine* line = impl_->line;
  el_set(line, EL_CLIENTDATA, impl_.get());
  el_set(line, EL_PROMPT, &Impl::prompt_of);
  el_set(line, EL_EDITOR, "emacs");
  el_set(line, EL_HIST, history, impl_->history);
  el_set(line, EL_GETCFN, &Impl::next_character);
  // The wide form: it keeps our constants, where the other one leaks copies of them.
  el_wset(line, EL_ADDFN, L"meow-complete", L"completes a word", &Impl::complete);
  el_set(line, EL_BIND, "^I", "meow-complete", nullptr);
  el_set(line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(line, nullptr);  // the user's ~/.editrc
}

LineEditor::~LineEditor() {
  history_end(impl_->history);
  el_end(impl_->line);
}

std::optional<std::string> LineEditor::read_line() {
  int count = 0;
  impl_->reading = true;
  const char* text = el_gets(impl_->line, &count);
  impl_->reading = false;
  if (text == nullptr || count <= 0) {
    return std::nullopt;
  }
  std::string line(text, static_cast<std::size_t>(count));
  while (line.ends_with('\n')) {
    line.pop_back();
  }
  if (!line.empty()) {
    HistEvent event{};
    history(impl_->history, &event, H_ENTER, line.c_str());
  }
  return line;
}

void LineEditor::print_above(std::string_view text) {
  std::fputs("\r\033[K", stdout);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  if (impl_->reading) {
    el_set(impl_->line, EL_REFRESH);
  }
}

}  // namespace cattino::cli
