// Where a command's words go: data to stdout, all else to stderr; as text, as JSON, or not at all.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/terminal.h"

namespace cattino::cli {

enum class Mode : std::uint8_t { text, json, quiet };

class Output {
 public:
  Output(Mode mode, std::FILE* out, Screen out_screen, std::FILE* error, Screen error_screen)
      : mode_(mode),
        out_(out),
        error_(error),
        out_screen_(out_screen),
        error_screen_(error_screen) {}

  [[nodiscard]] Mode mode() const { return mode_; }
  [[nodiscard]] bool json() const { return mode_ == Mode::json; }
  [[nodiscard]] const Screen& screen() const { return out_screen_; }
  [[nodiscard]] const Screen& error_screen() const { return error_screen_; }

  /// Data for people: written in text mode alone. Ends its own lines.
  void text(std::string_view text);
  /// Data for programs: one JSON document as a line, in JSON mode alone.
  void document(std::string_view json);
  /// What was asked for in so many words, as the output of a task: written in every mode.
  void raw(std::string_view bytes);
  /// A remark on stderr, in text mode alone.
  void note(std::string_view line);
  void error(const Error& error);
  void flush();

 private:
  Mode mode_;
  std::FILE* out_;
  std::FILE* error_;
  Screen out_screen_;
  Screen error_screen_;
};

/// The words of an error: `error: what`, `  where: field`, and `hint: …` after a blank line.
std::string error_text(const Error& error, bool colour);

/// `text` as a string of JSON.
std::string json_quoted(std::string_view text);

/// 2: the request is wrong. 3: no backend. 1: all else.
int exit_status_of(const Error& error);

}  // namespace cattino::cli
