// From reasons to sentences.
#include "engine/reasons.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/text.h"

namespace cattino::engine {

namespace {

using core::Cause;
using core::Reason;

constexpr std::size_t shown_devices = 8;
constexpr std::size_t shown_names = 8;

const char* kind_word(Reason::Kind kind) {
  switch (kind) {
    case Reason::Kind::none:
      return "none";
    case Reason::Kind::dependencies:
      return "dependencies";
    case Reason::Kind::dependency_failed:
      return "dependency_failed";
    case Reason::Kind::devices:
      return "devices";
    case Reason::Kind::cpus:
      return "cpus";
    case Reason::Kind::ram:
      return "ram";
    case Reason::Kind::backoff:
      return "backoff";
    case Reason::Kind::held:
      return "held";
    case Reason::Kind::paused:
      return "paused";
    case Reason::Kind::lost:
      return "lost";
    case Reason::Kind::next:
      return "next";
    case Reason::Kind::counters:
      return "resources";
    case Reason::Kind::parallel:
      return "parallel";
    case Reason::Kind::not_before:
      return "not_before";
    case Reason::Kind::reserved:
      return "reserved";
    case Reason::Kind::behind:
      return "behind";
    case Reason::Kind::making_room:
      return "making_room";
  }
  return "none";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += text.empty() ? word : ", " + word;
  }
  return text;
}

/// "a, b and 4 more".
std::string list_of(const std::vector<std::string>& words, std::uint64_t count) {
  std::string text = joined(words);
  if (count > words.size()) {
    text += fmt::format(" and {} more", count - words.size());
  }
  return text;
}

std::string cores(Millicores amount) {
  if (amount.value % 1000 == 0) {
    return fmt::format("{}", amount.value / 1000);
  }
  return fmt::format("{}.{}", amount.value / 1000, amount.value % 1000 / 100);
}

/// " after 3 retries".
std::string tries(const core::TaskState& state) {
  if (state.retries == 0) {
    return {};
  }
  return fmt::format(" after {} {}", state.retries, state.retries == 1 ? "retry" : "retries");
}

std::string core_reason(const Reason& reason) {
  const Millicores free = reason.free_cpus;
  return fmt::format(
      "needs {} {}; {} {} free",
      cores(reason.wanted_cpus),
      reason.wanted_cpus.value == 1000 ? "core" : "cores",
      free.value <= 0 ? "none" : cores(free),
      free.value <= 0 || free.value == 1000 ? "is" : "are");
}

std::string ram_reason(const Reason& reason) {
  const std::int64_t free = reason.free_ram.value;
  return fmt::format(
      "needs {} MiB of host memory; {}",
      reason.wanted_ram.value,
      free <= 0 ? "none is free" : fmt::format("{} MiB are free", free));
}

/// "waits for a, digits/train (2 of 4 ended)".
std::string prerequisites(
    const Reason& reason, const Wording& wording, std::vector<std::string> names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const core::Node& node = reason.nodes[i];
    const core::Scheduler::Members members = node.kind == core::Node::Kind::group
                                                 ? wording.members(GroupId{node.id})
                                                 : core::Scheduler::Members{};
    if (members.all > 0) {
      names[i] += fmt::format(" ({} of {} ended)", members.ended, members.all);
    }
  }
  return "waits for " + list_of(names, reason.count);
}

std::string wanted_devices(const Reason& reason) {
  std::string devices = count_of(reason.wanted, "device");
  switch (reason.memory.kind) {
    case MemoryRequest::Kind::whole:
      return devices + (reason.wanted == 1 ? " alone" : ", each alone");
    case MemoryRequest::Kind::mib:
      return fmt::format("{} with {} MiB", devices, reason.memory.value);
    case MemoryRequest::Kind::share:
      return fmt::format("{} with {}% of its memory", devices, reason.memory.value / 10'000);
  }
  return devices;
}

std::string unwell_words(const std::string& name, const core::Device& device) {
  const char* what = device.health == core::DeviceHealth::drained ? " is drained"
                     : device.health == core::DeviceHealth::lost  ? " is gone"
                                                                  : " does not answer";
  return name + what + (device.note.empty() ? "" : fmt::format(" ({})", device.note));
}

std::string stranger_words(const core::Device& device) {
  return fmt::format(
      "{} MiB used by {}",
      device.used_by_others.value,
      device.note.empty() ? "others" : device.note);
}

std::string holders_of(const core::DeviceView& view, const Wording& wording) {
  std::vector<std::string> holders;
  for (const TaskId holder : view.holders) {
    if (holders.size() < shown_names) {
      holders.push_back(wording.name(core::Node::of(holder)));
    }
  }
  return list_of(holders, view.holders.size());
}

/// What one device says: "cuda:0 is held by train", "cuda:1 has 3100 MiB free".
std::string device_words(
    const core::DeviceView& view, const Reason& reason, const Wording& wording) {
  const std::string name = wording.device(view.index);
  const core::Device* device = wording.look(view.index);
  if (device != nullptr && device->health != core::DeviceHealth::ok) {
    return unwell_words(name, *device);
  }
  const std::string held = holders_of(view, wording);
  const bool whole = reason.memory.kind == MemoryRequest::Kind::whole;
  if (!held.empty() && (whole || view.free.value <= 0)) {
    const bool shared = !whole && device != nullptr && device->used_by_others.value > 0;
    return fmt::format(
        "{} is held by {}{}", name, held, shared ? ", " + stranger_words(*device) : "");
  }
  const bool used = device != nullptr && device->used_by_others.value > 0;
  if (whole && (used || (device != nullptr && device->strangers))) {
    return fmt::format("{} has {}", name, stranger_words(*device));
  }
  std::string text =
      fmt::format("{} has {} MiB free", name, std::max<std::int64_t>(view.free.value, 0));
  text += held.empty() ? "" : ", held by " + held;
  text += used ? ", " + stranger_words(*device) : "";
  return text;
}

std::string device_reason(const Reason& reason, const Wording& wording) {
  std::vector<std::string> words;
  std::uint64_t unfit = 0;
  for (const core::DeviceView& view : reason.devices) {
    if (view.fits) {
      continue;
    }
    ++unfit;
    if (words.size() < shown_devices) {
      words.push_back(device_words(view, reason, wording));
    }
  }
  std::string text = fmt::format(
      "needs {}; {} of {} {}",
      wanted_devices(reason),
      reason.fitting,
      reason.devices.size(),
      reason.fitting == 1 ? "fits" : "fit");
  if (!words.empty()) {
    text += ": " + list_of(words, unfit);
  }
  return text;
}

std::string failed_dependencies(const Reason& reason, const Wording& wording) {
  std::vector<std::string> words;
  for (const core::Node& node : reason.nodes) {
    const core::TaskState* state =
        node.kind == core::Node::Kind::task ? wording.state(TaskId{node.id}) : nullptr;
    words.push_back(
        state != nullptr ? describe_prerequisite(wording.name(node), *state) : wording.name(node));
  }
  return fmt::format(
      "dependency {}; it can run once that is resumed", list_of(words, reason.count));
}

std::string in_time(Time at, const Wording& wording, const char* how) {
  const Duration left = std::max(at - wording.now, Duration{});
  return left.us == 0 ? "any moment" : fmt::format("in {}{}", describe(left), how);
}

std::string wait_text(
    const Reason& reason, const Wording& wording, const std::vector<std::string>& names) {
  switch (reason.kind) {
    case Reason::Kind::none:
      return {};
    case Reason::Kind::dependencies:
      return prerequisites(reason, wording, names);
    case Reason::Kind::dependency_failed:
      return failed_dependencies(reason, wording);
    case Reason::Kind::devices:
      return device_reason(reason, wording);
    case Reason::Kind::cpus:
      return core_reason(reason);
    case Reason::Kind::ram:
      return ram_reason(reason);
    case Reason::Kind::backoff:
      return fmt::format(
          "runs again in {}", describe(std::max(reason.until - wording.now, Duration{})));
    case Reason::Kind::held:
      return "is held until it is resumed";
    case Reason::Kind::paused:
      return names.empty() ? "nothing new starts: the backend is paused"
                           : fmt::format("nothing new starts in {}: it is paused", names[0]);
    case Reason::Kind::lost:
      return "nobody can know how its last attempt ended; resume it to run it again";
    case Reason::Kind::next:
      return "starts next";
    case Reason::Kind::counters:
      return fmt::format(
          "needs {} of {}; {} {} free",
          reason.wanted_count,
          reason.counter,
          reason.free_count == 0 ? "none" : fmt::format("{}", reason.free_count),
          reason.free_count <= 1 ? "is" : "are");
    case Reason::Kind::parallel:
      return fmt::format(
          "its group {} runs {} at once already, as many as it may",
          names.at(0),
          count_of(static_cast<std::int64_t>(reason.count), "task"));
    case Reason::Kind::not_before:
      return fmt::format(
          "is not to start before {} have passed",
          describe(std::max(reason.until - wording.now, Duration{})));
    case Reason::Kind::reserved:
      return fmt::format(
          "would fit, but what is free is kept for {}, which comes first and starts {}",
          names.at(0),
          reason.until ? in_time(reason.until, wording, " at the latest")
                       : "as soon as it has all it needs");
    case Reason::Kind::behind:
      return "would fit, but nothing starts before " + names.at(0);
    case Reason::Kind::making_room:
      return fmt::format(
          "{} {} being stopped to make room for it",
          list_of(names, reason.count),
          reason.count == 1 ? "is" : "are");
  }
  return {};
}

/// What is kept for it meanwhile, and when it starts as far as anybody knows.
std::string outlook_text(const Reason& reason, const Wording& wording) {
  std::string text;
  if (!reason.holding.empty()) {
    std::vector<std::string> devices;
    for (const std::uint16_t device : reason.holding) {
      devices.push_back(wording.device(device));
    }
    text = fmt::format(
        "; {} {} kept for it", joined(devices), devices.size() == 1 ? "is" : "are");
    text += reason.idle > 0 ? fmt::format(", {} of them idle", reason.idle) : "";
  }
  if (reason.start && reason.kind != Reason::Kind::next) {
    text += reason.exact ? "; starts " + in_time(reason.start, wording, " at the latest")
                         : "; starts " + in_time(reason.start, wording, ", going by past runs");
  }
  return text;
}

}  // namespace

ReasonView describe_wait(const Reason& reason, const Wording& wording) {
  ReasonView view;
  view.kind = kind_word(reason.kind);
  for (const core::Node& node : reason.nodes) {
    view.names.push_back(wording.name(node));
  }
  view.text = wait_text(reason, wording, view.names) + outlook_text(reason, wording);
  view.data = reason;
  return view;
}

std::string describe_prerequisite(const std::string& name, const core::TaskState& state) {
  switch (state.status) {
    case core::TaskStatus::failed:
      if (state.last_exit.kind == ExitStatus::Kind::code) {
        return fmt::format("{} failed with {}", name, describe(state.last_exit));
      }
      return state.last_exit.kind == ExitStatus::Kind::none
                 ? name + " failed"
                 : fmt::format("{} failed: {}", name, describe(state.last_exit));
    case core::TaskStatus::cancelled:
      return name + " was cancelled";
    case core::TaskStatus::done:
      return name + " is Done";
    case core::TaskStatus::waiting:
    case core::TaskStatus::running:
      break;
  }
  return name + " has not ended";
}

std::string end_kind(const core::TaskState& state) {
  switch (state.cause) {
    case Cause::none:
      return {};
    case Cause::exit:
      return "exit";
    case Cause::dependency:
      return "dependency";
    case Cause::user_cancelled:
      return "user_cancelled";
    case Cause::user_killed:
      return "user_killed";
    case Cause::hook_failed:
      return "hook_failed";
    case Cause::retries_over:
      return "retries_over";
    case Cause::lost:
      return "lost";
    case Cause::replaced:
      return "replaced";
    case Cause::shutdown:
      return "shutdown";
    case Cause::timed_out:
      return "timed_out";
    case Cause::out_of_memory:
      return "out_of_memory";
    case Cause::preempted:
      return "preempted";
  }
  return {};
}

std::string short_end(
    const core::TaskState& state, const std::function<std::string(core::Node)>& name) {
  switch (state.cause) {
    case Cause::none:
      return {};
    case Cause::exit:
      return describe(state.last_exit) + tries(state);
    case Cause::timed_out:
      return "ran for as long as its time limit" + tries(state);
    case Cause::out_of_memory:
      return "ran out of memory" + tries(state);
    case Cause::preempted:
      return "made room for a task of a higher priority";
    case Cause::dependency:
      return fmt::format("dependency {} failed", name(state.cause_node));
    case Cause::user_cancelled:
      return "cancelled by the user";
    case Cause::user_killed:
      return "killed by the user";
    case Cause::hook_failed:
      return state.cause_node.kind == core::Node::Kind::group
                 ? fmt::format("on_start of group {} failed", name(state.cause_node))
                 : "its on_start failed; stderr.log has the traceback";
    case Cause::retries_over:
      return fmt::format("asked to run again {} in a row", count_of(state.requeues, "time"));
    case Cause::lost:
      return "nobody can know how its last attempt ended";
    case Cause::replaced:
      return "a new submission took its name";
    case Cause::shutdown:
      return "the backend was ended with its tasks";
  }
  return {};
}

}  // namespace cattino::engine
