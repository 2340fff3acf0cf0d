// Making a story that breaks a rule short: as few events as still break it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/policy.h"
#include "sim/story.h"

namespace cattino::sim {

/// How a trial in a process of its own ended. A broken invariant of the core ends the process.
struct Verdict {
  bool broken = false;
  std::string what;  ///< empty if the process ended without a word
  Story::Tally tally;
  std::uint64_t digest = 0;
  std::uint64_t told = 0;  ///< events, when it broke
};

/// Lives the story of a seed, to its end.
Verdict try_seed(std::uint64_t seed, std::uint64_t events);

/// The events up to the one that breaks a rule, and of these only what it takes; as lines. Empty: it takes
/// more than these events to break it (a restart, for example).
std::vector<std::string> shrink(std::uint64_t seed, std::uint64_t events, std::uint64_t told);

}  // namespace cattino::sim
