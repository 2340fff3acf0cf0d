// stdout and stderr.
#include "cli/output.h"

#include <fmt/core.h>

namespace cattino::cli {

namespace {

void write(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
}

}  // namespace

void Output::text(std::string_view text) {
  if (mode_ == Mode::text) {
    write(out_, text);
  }
}

void Output::document(std::string_view json) {
  if (mode_ == Mode::json) {
    while (json.ends_with('\n')) {
      json.remove_suffix(1);
    }
    write(out_, json);
    write(out_, "\n");
  }
}

void Output::raw(std::string_view bytes) {
  write(out_, bytes);
}

void Output::note(std::string_view line) {
  if (mode_ == Mode::text) {
    std::fflush(out_);
    write(error_, line);
    write(error_, "\n");
  }
}

void Output::error(const Error& error) {
  std::fflush(out_);
  write(error_, error_text(error, error_screen_.colour));
}

void Output::flush() {
  std::fflush(out_);
}

std::string error_text(const Error& error, bool colour) {
  std::string text = coloured("error:", Colour::red, colour) + " " + error.message + "\n";
  if (!error.field.empty()) {
    text += fmt::format("  where: {}\n", error.field);
  }
  if (!error.hint.empty()) {
    text += fmt::format("\n{} {}\n", coloured("hint:", Colour::cyan, colour), error.hint);
  }
  return text;
}

std::string json_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 32) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

int exit_status_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid:
    case ErrorCode::infeasible:
    case ErrorCode::not_found:
    case ErrorCode::conflict:
    case ErrorCode::too_large:
      return 2;
    case ErrorCode::unavailable:
      return 3;
    case ErrorCode::corrupt:
    case ErrorCode::system:
    case ErrorCode::internal:
      return 1;
  }
  return 1;
}

}  // namespace cattino::cli
