// The scheduling core in a world whose dice a fuzzer throws: which policy, what is submitted, what fails,
// what users wish and when. Every rule of the random worlds must hold, and in the end all must end.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/dice.h"
#include "sim/judge.h"
#include "sim/story.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name that fuzzers call
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using cattino::Dice;
  using cattino::sim::Story;
  if (size < 2) {
    return 0;
  }
  const std::uint64_t policy = data[0] * 256U + data[1];
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  try {
    Story story(Dice(rest), cattino::sim::any_policy(policy));
    story.live_on_bytes();
    story.let_all_end();
  } catch (const cattino::sim::Broken& broken) {
    std::fprintf(stderr, "%s\n", broken.what());
    std::abort();
  }
  return 0;
}
