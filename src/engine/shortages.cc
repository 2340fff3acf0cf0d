// Numbers side by side.
#include "engine/shortages.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/device_words.h"
#include "base/text.h"
#include "core/fit.h"

namespace cattino::engine {

namespace {

using core::Reason;

constexpr std::size_t shown_clauses = 8;
constexpr std::size_t shown_holders = 4;

/// "3", "0.5".
std::string cores(Millicores amount) {
  if (amount.value % 1000 == 0) {
    return fmt::format("{}", amount.value / 1000);
  }
  return fmt::format("{}.{}", amount.value / 1000, amount.value % 1000 / 100);
}

// ---- devices ----------------------------------------------------------------------------------------

/// What is true of one device, or of several.
struct Clause {
  std::string one;
  std::string many;
  std::vector<std::string> devices;
};

std::string wanted_devices(const Reason& reason, bool pinned) {
  const bool one = reason.wanted == 1;
  const std::string devices = count_of(reason.wanted, "device");
  const char* among = pinned ? " of those it is pinned to" : "";
  if (core::asks_whole(reason.memory)) {
    return count_of(reason.wanted, "whole device") + among;
  }
  if (reason.memory.kind == MemoryRequest::Kind::mib) {
    return fmt::format(
        "{} with {} MiB{}{}", devices, reason.memory.value, one ? "" : " each", among);
  }
  return fmt::format(
      "{} with {}% of {} memory{}",
      devices,
      reason.memory.value / 10'000,
      one ? "its" : "their",
      among);
}

Clause unwell(const core::Device& device) {
  Clause clause{" does not answer", " do not answer", {}};
  if (device.health == core::DeviceHealth::drained) {
    clause = {" is drained", " are drained", {}};
  } else if (device.health == core::DeviceHealth::lost) {
    clause = {" is gone", " are gone", {}};
  }
  const std::string note = device.note.empty() ? "" : fmt::format(" ({})", device.note);
  return {clause.one + note, clause.many + note, {}};
}

/// "pid 4711 of another user (3100 MiB)"; empty: nobody.
std::string strangers_on(const core::Device* device) {
  if (device == nullptr || (device->used_by_others.value <= 0 && !device->strangers)) {
    return {};
  }
  return fmt::format(
      "{} ({} MiB)",
      device->note.empty() ? "other programs" : device->note,
      device->used_by_others.value);
}

std::string holders_of(const core::DeviceView& view, const Wording& wording) {
  std::vector<std::string> names;
  for (const TaskId holder : view.holders) {
    if (names.size() < shown_holders) {
      names.push_back(wording.name(core::Node::of(holder)));
    }
  }
  return list_of(names, view.holders.size());
}

/// Why the device does not do.
Clause clause_of(const core::DeviceView& view, const Reason& reason, const Wording& wording) {
  const core::Device* device = wording.look(view.index);
  if (device != nullptr && device->health != core::DeviceHealth::ok) {
    return unwell(*device);
  }
  const std::string held = holders_of(view, wording);
  const std::string strangers = strangers_on(device);
  const std::string others = held + (held.empty() || strangers.empty() ? "" : " and ") + strangers;
  const bool whole = core::asks_whole(reason.memory);
  if (!held.empty() && (whole || view.free.value <= 0)) {
    const std::string by = " held by " + (whole ? held : others);
    return {" is" + by, " are" + by, {}};
  }
  if (whole && !strangers.empty()) {
    return {" is used by " + strangers, " are used by " + strangers, {}};
  }
  const std::string free = fmt::format(
      " {} of {} MiB free{}",
      std::max<std::int64_t>(view.free.value, 0),
      view.total.value,
      others.empty() ? "" : " beside " + others);
  return {" has" + free, " have" + free, {}};
}

/// Could the device ever be the task's?
bool may_have(const core::DeviceView& view, const Wording& wording) {
  const core::Device* device = wording.look(view.index);
  return device == nullptr || wording.terms == nullptr ||
         core::is_meant(*device, wording.terms->request.pins);
}

std::string words_of(const std::vector<Clause>& clauses) {
  std::vector<std::string> words;
  std::uint64_t left_out = 0;
  for (const Clause& clause : clauses) {
    if (words.size() == shown_clauses) {
      left_out += clause.devices.size();
      continue;
    }
    const std::vector<std::string>& devices = clause.devices;
    words.push_back(devices_words(devices) + (devices.size() == 1 ? clause.one : clause.many));
  }
  return list_of(words, words.size() + left_out);
}

// ---- cores, memory, counters ------------------------------------------------------------------------

/// Something that is counted: how much of it is wanted, free, and there at all.
struct Amounts {
  std::string wanted;
  std::int64_t free = 0;
  std::int64_t all = 0;    ///< 0: not known
  std::int64_t scale = 1;  ///< so much is written as 1
  const char* unit = "";
};

std::string shown(std::int64_t amount, const Amounts& amounts) {
  return amounts.scale == 1000 ? cores({amount}) : fmt::format("{}", amount);
}

Amounts amounts_of(const Reason& reason, const core::Host* host, std::int64_t held) {
  if (reason.kind == Reason::Kind::cpus) {
    const std::int64_t all = host != nullptr ? host->cpus.value : 0;
    return {cores_of(reason.wanted_cpus), reason.free_cpus.value, all, 1000, ""};
  }
  if (reason.kind == Reason::Kind::ram) {
    const std::int64_t all = host != nullptr ? host->ram.value : 0;
    const std::string wanted = fmt::format("{} MiB of host memory", reason.wanted_ram.value);
    return {wanted, reason.free_ram.value, all, 1, " MiB"};
  }
  const std::string wanted = fmt::format("{} of {}", reason.wanted_count, reason.counter);
  return {wanted, reason.free_count, held > 0 ? held + reason.free_count : 0, 1, ""};
}

}  // namespace

std::string list_of(const std::vector<std::string>& words, std::uint64_t count) {
  std::string text;
  for (const std::string& word : words) {
    text += text.empty() ? word : ", " + word;
  }
  if (count > words.size()) {
    text += fmt::format(" and {} more", count - words.size());
  }
  return text;
}

std::string cores_of(Millicores amount) {
  return cores(amount) + (amount.value == 1000 ? " core" : " cores");
}

std::string device_shortage(const Reason& reason, const Wording& wording) {
  std::vector<Clause> clauses;
  std::size_t possible = 0;
  for (const core::DeviceView& view : reason.devices) {
    if (!may_have(view, wording)) {
      continue;
    }
    ++possible;
    if (view.fits) {
      continue;
    }
    Clause clause = clause_of(view, reason, wording);
    auto same = std::find_if(clauses.begin(), clauses.end(), [&clause](const Clause& other) {
      return other.one == clause.one;
    });
    same = same == clauses.end() ? clauses.insert(same, std::move(clause)) : same;
    same->devices.push_back(wording.device(view.index));
  }
  const bool pinned = wording.terms != nullptr && !wording.terms->request.pins.empty();
  const bool one = reason.fitting == 1;
  const char* fit = one ? "has that free" : "have that free";
  if (core::asks_whole(reason.memory)) {
    fit = one ? "is free" : "are free";
  }
  return fmt::format(
      "needs {}; {} of {} {}{}{}",
      wanted_devices(reason, pinned),
      reason.fitting,
      possible,
      fit,
      clauses.empty() ? "" : ": ",
      words_of(clauses));
}

std::string other_shortage(
    const Reason& reason, const Wording& wording, const std::vector<Holder>& holders) {
  std::int64_t held = 0;
  for (const Holder& holder : holders) {
    held += holder.amount;
  }
  const Amounts amounts = amounts_of(reason, wording.host, held);
  std::vector<std::string> words;
  for (const Holder& holder : holders) {
    if (words.size() < shown_holders) {
      const std::string name = wording.name(core::Node::of(holder.task));
      const std::string amount = shown(holder.amount, amounts);
      words.push_back(fmt::format("{} holds {}{}", name, amount, amounts.unit));
    }
  }
  const std::int64_t free = std::max<std::int64_t>(amounts.free, 0);
  return fmt::format(
      "needs {}; {}{}{} {} free{}{}",
      amounts.wanted,
      shown(free, amounts),
      amounts.all > 0 ? " of " + shown(amounts.all, amounts) : "",
      amounts.unit,
      free == amounts.scale ? "is" : "are",
      words.empty() ? "" : ": ",
      list_of(words, holders.size()));
}

}  // namespace cattino::engine
