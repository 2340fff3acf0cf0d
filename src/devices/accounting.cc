// Adds up processes by attempt.
#include "devices/accounting.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "devices/machine.h"

namespace cattino::devices {

namespace {

/// What one attempt's processes use together.
struct AttemptUse {
  Mib known;
  bool some_unknown = false;
};

/// "pid 4711 (python) of another user, pid 12 (train) and 2 more"
std::string name_strangers(
    const std::vector<const ProcessUse*>& strangers, const std::string& root) {
  constexpr std::size_t named = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(named, strangers.size()); ++i) {
    const ProcessOwner owner = owner_of(root, strangers[i]->pid);
    text += fmt::format("{}pid {}", i == 0 ? "" : ", ", strangers[i]->pid);
    text += owner.command.empty() ? "" : fmt::format(" ({})", owner.command);
    text += owner.command.empty() || owner.ours ? "" : " of another user";
  }
  if (strangers.size() > named) {
    text += fmt::format(" and {} more", strangers.size() - named);
  }
  return text;
}

}  // namespace

void account(
    core::Device& device,
    const DeviceUse& use,
    const Attribution& attribution,
    const std::string& root) {
  std::map<std::uint64_t, AttemptUse> attempts;
  std::vector<const ProcessUse*> strangers;
  Mib known_others;
  for (const ProcessUse& process : use.processes) {
    const std::uint64_t attempt = attribution.attempt_of ? attribution.attempt_of(process.pid) : 0;
    if (attempt != 0) {
      AttemptUse& sum = attempts[attempt];
      sum.known += std::max(process.used, Mib{0});
      sum.some_unknown = sum.some_unknown || process.used == unknown_use;
      continue;
    }
    known_others += std::max(process.used, Mib{0});
    if (!process.draws_only) {
      strangers.push_back(&process);
    }
  }
  Mib claimed_use;
  for (const auto& [attempt, sum] : attempts) {
    const Mib claim = attribution.claim_of ? attribution.claim_of(attempt, device.index) : Mib{0};
    claimed_use += sum.some_unknown ? claim : std::min(sum.known, claim);
    known_others += std::max(sum.known - claim, Mib{0});
  }
  // A task of unknown use must not hide what others are known to use.
  device.used_by_others = std::max(use.used - claimed_use, std::min(known_others, use.used));
  device.strangers = !strangers.empty();
  device.note = name_strangers(strangers, root);
}

}  // namespace cattino::devices
