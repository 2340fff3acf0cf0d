// Filling in names, and the choice between a direct start and a shell.
#include "engine/magics.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <unistd.h>

#include "base/text.h"

namespace cattino::engine {

namespace {

constexpr std::array<std::string_view, 4> patterns = {
    "${task_name}", "${fullname}", "${run_dir}", "${fullpath}"};

std::array<std::string_view, 4> values_of(const Magics& magics) {
  return {magics.task_name, magics.fullname, magics.run_dir, magics.fullname};
}

using Table = std::array<std::string_view, 4>;

std::string replaced(std::string_view text, const Table& from, const Table& to) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string_view rest = text.substr(at);
    const auto* const hit = std::find_if(
        from.begin(), from.end(), [rest](std::string_view each) { return rest.starts_with(each); });
    if (hit == from.end()) {
      out += text[at++];
    } else {
      out += to[static_cast<std::size_t>(hit - from.begin())];
      at += hit->size();
    }
  }
  return out;
}

/// Stand-ins that are one plain word character each to a shell's grammar, and that nobody types.
constexpr std::array<std::string_view, 4> stand_ins = {"\x01", "\x02", "\x03", "\x04"};

bool has_stand_in(std::string_view text) {
  return std::any_of(
      text.begin(), text.end(), [](char each) { return each >= '\x01' && each <= '\x04'; });
}

}  // namespace

std::string fill_in(std::string_view text, const Magics& magics) {
  if (text.find("${") == std::string_view::npos) {
    return std::string(text);
  }
  return replaced(text, patterns, values_of(magics));
}

std::vector<std::string> command_argv(
    std::string_view command, const Magics& magics, const std::vector<std::string>& shell) {
  const bool magic = command.find("${") != std::string_view::npos && !has_stand_in(command);
  Result<CommandWords> split =
      split_command(magic ? replaced(command, patterns, stand_ins) : std::string(command));
  if (!split || split->needs_shell || split->words.empty()) {
    std::vector<std::string> argv = shell;
    argv.push_back(fill_in(command, magics));
    return argv;
  }
  if (magic) {
    for (std::string& word : split->words) {
      word = replaced(word, stand_ins, values_of(magics));
    }
  }
  return std::move(split->words);
}

std::vector<std::string> shell_words(std::string_view setting) {
  if (!setting.empty()) {
    Result<CommandWords> words = split_command(setting);
    if (words && !words->words.empty()) {
      return std::move(words->words);
    }
  }
  for (const char* bash : {"/bin/bash", "/usr/bin/bash"}) {
    if (::access(bash, X_OK) == 0) {
      return {bash, "-o", "pipefail", "-c"};
    }
  }
  return {"/bin/sh", "-c"};
}

}  // namespace cattino::engine
