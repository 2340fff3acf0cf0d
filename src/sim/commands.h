// The verbs of meow-sim. Each returns the exit status of the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/policy.h"

namespace cattino::sim {

constexpr int exit_mismatch = 1;
constexpr int exit_bad_input = 2;

struct ScenarioOptions {
  std::vector<std::string> files;
  bool only_print = false;
};
int play_scenarios(const ScenarioOptions& options);

struct WorkflowOptions {
  std::vector<std::string> files;
  std::vector<std::int64_t> cores;
  core::Order order = core::Order::submission;
  std::string json;  ///< a path, "-": standard output; empty: none
  std::string svg;   ///< a path; empty: none
};
int run_workflows(const WorkflowOptions& options);

struct TraceOptions {
  std::string nodes;
  std::string pods;
  std::string placement;  ///< empty: each of them
  std::uint64_t seeds = 10;
  std::int64_t percent = 130;
  bool json = false;
};
int fill_cluster(const TraceOptions& options);
std::vector<std::string> placement_names();

struct ReplayOptions {
  std::string nodes;
  std::string pods;
  std::size_t hosts = 0;  ///< the first so many nodes; 0: all
  bool json = false;
};
int replay_trace(const ReplayOptions& options);

struct StarvationOptions {
  std::uint64_t seeds = 10;
  std::uint64_t first = 1;
  bool limits = false;
  bool json = false;
};
int show_starvation(const StarvationOptions& options);

struct RandomOptions {
  std::uint64_t seeds = 100;
  std::uint64_t first = 1;
  std::uint64_t events = 1000;
};
int live_at_random(const RandomOptions& options);

/// The error's `field` is the path.
Result<std::string> read_file(const std::string& path);

/// What `read` makes of the file's text. `at` is the path, for the error.
template <class Read>
auto read_as(const std::string& path, std::string& at, Read read) -> decltype(read("")) {
  at = path;
  const Result<std::string> text = read_file(path);
  if (!text) {
    return text.error();
  }
  return read(*text);
}

/// "FILE: what is wrong" on standard error; exit_bad_input.
int complain(const std::string& file, const Error& error);

}  // namespace cattino::sim
