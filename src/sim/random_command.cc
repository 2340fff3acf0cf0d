// meow-sim random: many random worlds, each from a seed of its own.
#include <cstdio>

#include <fmt/core.h>
#include <unistd.h>

#include "sim/commands.h"
#include "sim/shrink.h"

namespace cattino::sim {
namespace {

void tell_broken(std::uint64_t seed, const Verdict& verdict, std::uint64_t events) {
  fmt::print(
      "seed {}: {} at event {}\n",
      seed,
      verdict.what.empty() ? "an invariant of the core is broken" : verdict.what,
      verdict.told);
  const std::vector<std::string> lines = shrink(seed, events, verdict.told);
  if (lines.empty()) {
    fmt::print("  it takes a restart to break it\n");
  }
  for (const std::string& line : lines) {
    fmt::print("  {}\n", line);
  }
}

}  // namespace

int live_at_random(const RandomOptions& options) {
  Story::Tally sum;
  std::uint64_t digest = 0;
  std::uint64_t broken = 0;
  const bool shows = isatty(STDERR_FILENO) != 0;
  for (std::uint64_t i = 0; i < options.seeds; ++i) {
    const std::uint64_t seed = options.first + i;
    const Verdict verdict = try_seed(seed, options.events);
    if (verdict.broken) {
      ++broken;
      tell_broken(seed, verdict, options.events);
    }
    sum += verdict.tally;
    digest = digest * 31 + verdict.digest;
    if (shows) {
      fmt::print(stderr, "\r{} of {} worlds", i + 1, options.seeds);
    }
  }
  if (shows) {
    fmt::print(stderr, "\r\033[K");
  }
  fmt::print(
      "{} worlds, {} events: {} starts, {} retries, {} preemptions, {} time limits, {} starts in "
      "lines, "
      "{} recalls, {} restarts; something was reserved in {} steps\n"
      "digest {:016x}\n{}\n",
      options.seeds,
      sum.events,
      sum.starts,
      sum.retries,
      sum.preemptions,
      sum.timeouts,
      sum.in_lines,
      sum.recalls,
      sum.restarts,
      sum.reserved,
      digest,
      broken == 0 ? "no rule was broken" : fmt::format("{} worlds broke a rule", broken));
  return broken == 0 ? 0 : exit_mismatch;
}

}  // namespace cattino::sim
