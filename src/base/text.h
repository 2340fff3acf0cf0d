// Text that people type and read: durations, plurals, nearest words, quoting.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace cattino {

/// "90", "90s", "1h30m", "2d", "500ms" → a duration; a bare number is seconds. Units are w, d, h, m,
/// s and ms, larger ones first; "1.5h" is exact.
Result<Duration> parse_duration(std::string_view text);

/// "0.4 s", "12 s", "3 m 05 s", "2 h 10 m".
std::string describe(Duration duration);

/// The word of `words` that is nearest to `word`, if near enough to be meant (edit distance).
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> words);

/// `word` as one word of a POSIX shell.
std::string shell_quote(std::string_view word);

/// Words of a command line as a POSIX shell would split it, quotes removed; an error names the
/// unclosed quote. `needs_shell` tells whether anything outside quotes would mean more to a shell, or
/// the first word is one that only a shell knows (`cd`, `if`, `A=1`). Then the words serve to show
/// the command; only the shell can say what they mean.
struct CommandWords {
  std::vector<std::string> words;
  bool needs_shell = false;
};
Result<CommandWords> split_command(std::string_view command);

/// `text` without the spaces and tabs at its ends.
std::string_view trimmed(std::string_view text);

/// The parts of `text` between `separator`s, trimmed; one empty part if there is no text.
std::vector<std::string_view> split(std::string_view text, char separator);

/// The number that `text` is, and nothing else; none if it is no whole number, or too long for one.
std::optional<std::int64_t> parse_whole(std::string_view text);

/// "1 device", "3 devices".
std::string count_of(std::int64_t count, std::string_view singular, std::string_view plural = {});

/// True if `text` is valid UTF-8.
bool is_utf8(std::string_view text);

}  // namespace cattino
