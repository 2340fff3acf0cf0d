// meow-sim scenario: plays scenario files and compares.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include <fmt/core.h>

#include "sim/commands.h"
#include "sim/play.h"
#include "sim/scenario.h"

namespace cattino::sim {
namespace {

int play_file(const std::string& path, bool only_print) {
  const Result<std::string> text = read_file(path);
  if (!text) {
    return complain(path, text.error());
  }
  const Result<Scenario> scenario = parse_scenario(path, *text);
  if (!scenario) {
    return complain({}, scenario.error());
  }
  const std::vector<std::string> happened = play(*scenario);
  if (only_print) {
    for (const std::string& line : happened) {
      fmt::print("{}\n", line);
    }
    return 0;
  }
  const std::vector<std::string> lines = difference(scenario->expected, happened);
  fmt::print("{} {}\n", lines.empty() ? "ok   " : "WRONG", path);
  for (const std::string& line : lines) {
    fmt::print("  {}\n", line);
  }
  return lines.empty() ? 0 : exit_mismatch;
}

}  // namespace

int play_scenarios(const ScenarioOptions& options) {
  int worst = 0;
  for (const std::string& file : options.files) {
    worst = std::max(worst, play_file(file, options.only_print));
  }
  return worst;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    return Error{ErrorCode::not_found, "cannot be read", {}, {}};
  }
  return text.str();
}

int complain(const std::string& file, const Error& error) {
  const std::string place =
      file.empty() || error.field.empty() ? file + error.field : file + ": " + error.field;
  fmt::print(stderr, "{}: {}\n", place, error.message);
  return exit_bad_input;
}

}  // namespace cattino::sim
