// meow-sim: the scheduling core on a simulated clock.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "sim/play.h"
#include "sim/scenario.h"

namespace {

using cattino::Error;
using cattino::Result;

constexpr int exit_mismatch = 1;
constexpr int exit_bad_input = 2;

constexpr std::string_view usage =
    "usage: meow-sim scenario [--print] FILE...\n"
    "\n"
    "Plays each scenario and compares what happened with what it expects.\n"
    "  --print  only show what happened\n"
    "\n"
    "exit status: 0 all as expected · 1 some not · 2 bad input\n";

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    return Error{cattino::ErrorCode::not_found, "cannot be read", path, {}};
  }
  return text.str();
}

int play_file(const std::string& path, bool only_print) {
  const Result<std::string> text = read_file(path);
  if (!text) {
    fmt::print(stderr, "{}: {}\n", text.error().field, text.error().message);
    return exit_bad_input;
  }
  const Result<cattino::sim::Scenario> scenario = cattino::sim::parse_scenario(path, *text);
  if (!scenario) {
    fmt::print(stderr, "{}: {}\n", scenario.error().field, scenario.error().message);
    return exit_bad_input;
  }
  const std::vector<std::string> happened = cattino::sim::play(*scenario);
  if (only_print) {
    for (const std::string& line : happened) {
      fmt::print("{}\n", line);
    }
    return 0;
  }
  const std::vector<std::string> difference =
      cattino::sim::difference(scenario->expected, happened);
  if (difference.empty()) {
    fmt::print("ok    {}\n", path);
    return 0;
  }
  fmt::print("WRONG {}\n", path);
  for (const std::string& line : difference) {
    fmt::print("  {}\n", line);
  }
  return exit_mismatch;
}

int play_files(const std::vector<std::string>& words) {
  bool only_print = false;
  int worst = 0;
  std::size_t files = 0;
  for (const std::string& word : words) {
    if (word == "--print") {
      only_print = true;
    } else {
      ++files;
      worst = std::max(worst, play_file(word, only_print));
    }
  }
  if (files == 0) {
    fmt::print(stderr, "{}", usage);
    return exit_bad_input;
  }
  return worst;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0] == "scenario") {
    return play_files({words.begin() + 1, words.end()});
  }
  const bool help = !words.empty() && (words[0] == "-h" || words[0] == "--help");
  fmt::print(help ? stdout : stderr, "{}", usage);
  return help ? 0 : exit_bad_input;
}
