// What people would call a command: its script, else its program.
#include "cli/default_name.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace cattino::cli {

namespace {

constexpr std::size_t name_bytes_max = 100;

std::string_view base_of(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) {
    path.remove_suffix(1);
  }
  return path.substr(path.find_last_of('/') + 1);
}

bool is_assignment(std::string_view word) {
  const auto is_name = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  const std::size_t equals = word.find('=');
  return equals != std::string_view::npos && equals > 0 &&
         std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), is_name);
}

/// The stem if `word` names a script.
std::string_view script_stem(std::string_view word) {
  constexpr std::array<std::string_view, 10> suffixes = {
      ".py", ".sh", ".bash", ".R", ".r", ".jl", ".js", ".pl", ".rb", ".lua"};
  const std::string_view base = base_of(word);
  for (const std::string_view suffix : suffixes) {
    if (base.size() > suffix.size() && base.ends_with(suffix)) {
      return base.substr(0, base.size() - suffix.size());
    }
  }
  return {};
}

std::string legal(std::string_view text) {
  std::string name;
  for (const char c : text.substr(0, name_bytes_max)) {
    const bool plain = static_cast<unsigned char>(c) > ' ' && static_cast<unsigned char>(c) < 127;
    name.push_back(plain && c != '/' && c != '#' && c != '$' ? c : '_');
  }
  return name.empty() || name == "." || name == ".." ? "task" : name;
}

}  // namespace

std::string default_name(const std::vector<std::string>& words) {
  auto word = std::find_if_not(words.begin(), words.end(), is_assignment);
  if (word == words.end()) {
    return "task";
  }
  const std::string_view program = base_of(*word);
  const bool is_python = program.starts_with("python");
  for (auto next = word; next != words.end(); ++next) {
    if (is_python && *next == "-c") {
      break;  // what follows is a program, not a name
    }
    if (is_python && *next == "-m" && next + 1 != words.end()) {
      const std::string_view module = *(next + 1);
      return legal(module.substr(module.find_last_of('.') + 1));
    }
    if (const std::string_view stem = script_stem(*next); !stem.empty()) {
      return legal(stem);
    }
  }
  return legal(program);
}

}  // namespace cattino::cli
