// Command lines: quoting a word for a POSIX shell, and splitting a line as one would.
#include <algorithm>
#include <cstddef>
#include <iterator>

#include <fmt/core.h>

#include "base/text.h"

namespace cattino {

namespace {

/// First words that only a shell understands. Left out: those that are programs too, such as `echo`.
constexpr std::string_view shell_words[] = {
    ".",       ":",      "alias",     "bg",       "bind",     "break",   "builtin",  "caller",
    "case",    "cd",     "command",   "compgen",  "complete", "compopt", "continue", "coproc",
    "declare", "dirs",   "disown",    "enable",   "eval",     "exec",    "exit",     "export",
    "fc",      "fg",     "for",       "function", "getopts",  "hash",    "help",     "history",
    "if",      "jobs",   "kill",      "let",      "local",    "logout",  "mapfile",  "popd",
    "pushd",   "read",   "readarray", "readonly", "return",   "select",  "set",      "shift",
    "shopt",   "source", "suspend",   "time",     "times",    "trap",    "type",     "typeset",
    "ulimit",  "umask",  "unalias",   "unset",    "until",    "wait",    "while"};

bool is_name_character(char c, bool first) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return letter || (!first && c >= '0' && c <= '9');
}

/// Whether `word` begins as an assignment does: a name, then `=` or `+=`.
bool is_assignment(std::string_view word) {
  std::size_t length = 0;
  while (length < word.size() && is_name_character(word[length], length == 0)) {
    ++length;
  }
  const std::string_view rest = word.substr(length);
  return length > 0 && (rest.starts_with('=') || rest.starts_with("+="));
}

bool is_plain(char c) {
  return is_name_character(c, false) || std::string_view("@%+=:,./-").find(c) != std::string::npos;
}

/// Walks a line once. Characters that only mean something to a shell stay in their words.
class Splitter {
 public:
  explicit Splitter(std::string_view line) : line_(line) {}

  Result<CommandWords> split() {
    while (at_ < line_.size() && !handed_over_) {
      if (!step()) {
        return unclosed();
      }
    }
    end_word();
    return std::move(out_);
  }

 private:
  /// One character outside quotes, or a whole quoted part; false if a quote is never closed.
  bool step() {
    const char c = line_[at_++];
    switch (c) {
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        newline_ = newline_ || c == '\n';
        end_word();
        return true;
      case '\'':
      case '"':
        begin_word();
        return c == '\'' ? single_quoted() : double_quoted();
      case '\\':
        escaped();
        return true;
      case '#':
        return comment_or_character();
      default:
        plain(c);
        return true;
    }
  }

  void plain(char c) {
    begin_word();
    if (std::string_view("|&;<>()$`*?[]~{}!").find(c) != std::string::npos) {
      out_.needs_shell = true;
      note_nesting(c);
    }
    word_.push_back(c);
  }

  /// After `$(`, a backquote, `$'` or `<<`, quotes no longer pair by the simple rule: what follows is
  /// the shell's to judge.
  void note_nesting(char c) {
    const char next = at_ < line_.size() ? line_[at_] : '\0';
    if (c == '`' || (c == '$' && (next == '(' || next == '\'')) || (c == '<' && next == '<')) {
      nested_ = true;
    }
  }

  bool comment_or_character() {
    out_.needs_shell = true;
    if (in_word_) {
      word_.push_back('#');
      return true;
    }
    while (at_ < line_.size() && line_[at_] != '\n') {
      ++at_;
    }
    return true;
  }

  void escaped() {
    if (at_ == line_.size()) {
      begin_word();
      word_.push_back('\\');
      return;
    }
    const char c = line_[at_++];
    if (c == '\n') {
      return;  // a line that goes on
    }
    begin_word();
    word_.push_back(c);
  }

  bool single_quoted() {
    opened_at_ = at_;
    const std::size_t end = line_.find('\'', at_);
    if (end == std::string_view::npos) {
      return hand_over();
    }
    word_.append(line_.substr(at_, end - at_));
    at_ = end + 1;
    return true;
  }

  bool double_quoted() {
    opened_at_ = at_;
    while (at_ < line_.size()) {
      const char c = line_[at_++];
      if (c == '"') {
        return true;
      }
      if (c == '\\' && at_ < line_.size()) {
        escaped_in_double_quotes();
        continue;
      }
      if (c == '$' || c == '`') {
        out_.needs_shell = true;
        note_nesting(c);
      }
      word_.push_back(c);
    }
    return hand_over();
  }

  void escaped_in_double_quotes() {
    const char c = line_[at_++];
    if (c == '\n') {
      return;
    }
    if (std::string_view("$`\"\\").find(c) == std::string::npos) {
      word_.push_back('\\');
    }
    word_.push_back(c);
  }

  /// At the end of the line inside a quote: fine only where pairing was not ours to judge.
  bool hand_over() {
    handed_over_ = nested_;
    return nested_;
  }

  void begin_word() {
    if (in_word_) {
      return;
    }
    in_word_ = true;
    // A newline between words ends a command; one at either end of the line means nothing.
    out_.needs_shell = out_.needs_shell || (newline_ && !out_.words.empty());
    newline_ = false;
  }

  void end_word() {
    if (!in_word_) {
      return;
    }
    if (out_.words.empty()) {
      out_.needs_shell = out_.needs_shell || is_assignment(word_) || is_shell_word(word_);
    }
    out_.words.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  static bool is_shell_word(std::string_view word) {
    return std::find(std::begin(shell_words), std::end(shell_words), word) != std::end(shell_words);
  }

  [[nodiscard]] Error unclosed() const {
    return {
        .code = ErrorCode::invalid,
        .message = fmt::format(
            "the {} that opens at character {} of the command is never closed",
            line_[opened_at_ - 1] == '"' ? "double quote (\")" : "single quote (')",
            opened_at_),
        .hint = "close it, or put a backslash before it"};
  }

  std::string_view line_;
  std::size_t at_ = 0;
  std::size_t opened_at_ = 0;
  CommandWords out_;
  std::string word_;
  bool in_word_ = false;
  bool newline_ = false;      // an unquoted newline since the last word
  bool nested_ = false;       // from here on quotes may pair otherwise
  bool handed_over_ = false;  // the rest is the shell's to split
};

}  // namespace

std::string shell_quote(std::string_view word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), is_plain);
  if (plain && !is_assignment(word)) {
    return std::string(word);
  }
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

Result<CommandWords> split_command(std::string_view command) {
  return Splitter(command).split();
}

}  // namespace cattino
