// From reasons to sentences.
#include "engine/reasons.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/device_words.h"
#include "base/text.h"
#include "engine/shortages.h"

namespace cattino::engine {

namespace {

using core::Cause;
using core::Reason;

constexpr std::size_t most_names = 8;

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

/// ", also after 3 retries".
std::string tries(const core::TaskState& state) {
  if (state.retries == 0) {
    return {};
  }
  return fmt::format(", also after {}", count_of(state.retries, "retry", "retries"));
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

/// The prerequisite that failed by itself, of those that were cancelled one because of the other.
struct Failed {
  core::Node root;
  std::string text;        ///< "g/b was cancelled, as g/a failed with exit status 3"
  bool resumable = false;  ///< it can be resumed
};

Failed failed_prerequisite(core::Node node, const Wording& wording) {
  constexpr int deepest = 16;
  Failed failed{node, {}, true};
  for (int depth = 0; depth < deepest; ++depth) {
    const std::string name = wording.name(node);
    const core::TaskState* state =
        node.kind == core::Node::Kind::task ? wording.state(TaskId{node.id}) : nullptr;
    failed.root = node;
    failed.text += depth == 0 ? "" : ", as ";
    failed.text +=
        state != nullptr ? describe_prerequisite(name, *state) : name + " did not succeed";
    if (state == nullptr || state->cause != Cause::dependency) {
      failed.resumable = state == nullptr || state->status != core::TaskStatus::done;
      break;
    }
    node = state->cause_node;
  }
  return failed;
}

void describe_failed(const Reason& reason, const Wording& wording, ReasonView& view) {
  std::vector<std::string> words;
  bool resumable = true;
  for (const core::Node& node : reason.nodes) {
    const Failed failed = failed_prerequisite(node, wording);
    words.push_back(failed.text);
    resumable = resumable && failed.resumable;
    if (failed.resumable && view.resume.empty()) {
      view.resume = wording.name(failed.root);
    }
  }
  view.text = fmt::format(
      "dependency {}; {}",
      list_of(words, reason.count),
      resumable ? "it can run once that is resumed" : "so it can never run");
  if (!resumable) {
    view.resume.clear();
  }
}

std::string in_time(Time at, const Wording& wording, const char* how) {
  const Duration left = std::max(at - wording.now, Duration{});
  return left.us == 0 ? "any moment" : fmt::format("in {}{}", describe(left), how);
}

/// "12 min": guesses are not told to the second.
std::string about(Duration left) {
  constexpr std::int64_t second = 1'000'000;
  constexpr std::int64_t minute = 60 * second;
  constexpr std::int64_t hour = 60 * minute;
  const std::int64_t us = left.us;
  if (us < minute) {
    return fmt::format("{} s", us / second + 1);
  }
  if (us < hour) {
    return fmt::format("{} min", us / minute + 1);
  }
  return us < 2 * 24 * hour ? fmt::format("{} h", us / hour + 1)
                            : fmt::format("{} days", us / (24 * hour) + 1);
}

/// "runs again in 10 s, as retry 1 of 3".
std::string backoff_text(const Reason& reason, const Wording& wording) {
  std::string text = "runs again in " + describe(std::max(reason.until - wording.now, Duration{}));
  if (wording.self == nullptr || wording.terms == nullptr) {
    return text;
  }
  const core::TaskState& state = *wording.self;
  if (state.last_exit == ExitStatus::of_code(core::retry_code)) {
    text += fmt::format(
        ", as it asked to: time {} of at most {} in a row", state.requeues, core::most_requeues);
  } else if (state.device_lost) {
    text += ", as it lost a device";
  } else if (state.retries > 0) {
    text += fmt::format(", as retry {} of {}", state.retries, wording.terms->retry.retries);
    text += state.out_of_memory ? ": it ran out of memory" : "";
  }
  return text;
}

std::string kept_words(const std::vector<std::uint16_t>& devices, const Wording& wording) {
  std::vector<std::string> names;
  names.reserve(devices.size());
  for (const std::uint16_t device : devices) {
    names.push_back(wording.device(device));
  }
  return fmt::format("{} {} kept", devices_words(names), devices.size() == 1 ? "is" : "are");
}

/// "could start, but cuda:0,1 are kept for big, which comes first and starts in 5 m 00 s at the latest".
std::string reserved_text(const Reason& reason, const Wording& wording, const std::string& name) {
  const core::Node& first = reason.nodes.at(0);
  const auto reserved = wording.reserved ? wording.reserved(TaskId{first.id}) : std::nullopt;
  const bool devices = reserved.has_value() && !reserved->devices.empty();
  return fmt::format(
      "could start, but {} for {}, which comes first and starts {}",
      devices ? kept_words(reserved->devices, wording) : "what is free is kept",
      name,
      reason.until ? in_time(reason.until, wording, " at the latest")
                   : "as soon as it has all it needs");
}

std::string paused_text(const std::vector<std::string>& names) {
  return names.empty() ? "nothing new starts: the backend is paused"
                       : fmt::format("nothing new starts in {}: it is paused", names[0]);
}

std::string parallel_text(const Reason& reason, const std::string& group) {
  return fmt::format(
      "its group {} runs {} already, as many as it may at once",
      group,
      count_of(static_cast<std::int64_t>(reason.count), "task"));
}

void describe_shortage(const Reason& reason, const Wording& wording, ReasonView& view) {
  const auto holders = wording.holders ? wording.holders(reason) : std::vector<Holder>{};
  view.text = other_shortage(reason, wording, holders);
  for (std::size_t i = 0; i < std::min(holders.size(), most_names); ++i) {
    view.names.push_back(wording.name(core::Node::of(holders[i].task)));
  }
}

void describe_reason(const Reason& reason, const Wording& wording, ReasonView& view) {
  const std::vector<std::string>& names = view.names;
  switch (reason.kind) {
    case Reason::Kind::none:
      return;
    case Reason::Kind::dependencies:
      view.text = prerequisites(reason, wording, names);
      return;
    case Reason::Kind::dependency_failed:
      describe_failed(reason, wording, view);
      return;
    case Reason::Kind::devices:
      view.text = device_shortage(reason, wording);
      return;
    case Reason::Kind::cpus:
    case Reason::Kind::ram:
    case Reason::Kind::counters:
      describe_shortage(reason, wording, view);
      return;
    case Reason::Kind::backoff:
      view.text = backoff_text(reason, wording);
      return;
    case Reason::Kind::held:
      view.text = "is held until it is resumed";
      return;
    case Reason::Kind::paused:
      view.text = paused_text(names);
      return;
    case Reason::Kind::lost:
      view.text = "is held, as nobody can know how its last attempt ended";
      return;
    case Reason::Kind::next:
      view.text = "starts next";
      return;
    case Reason::Kind::parallel:
      view.text = parallel_text(reason, names.at(0));
      return;
    case Reason::Kind::not_before:
      view.text = fmt::format(
          "starts in {} at the earliest, as was asked for",
          describe(std::max(reason.until - wording.now, Duration{})));
      return;
    case Reason::Kind::reserved:
      view.text = reserved_text(reason, wording, names.at(0));
      return;
    case Reason::Kind::behind:
      view.text =
          fmt::format("could start, but nothing starts before {}, which comes first", names.at(0));
      return;
    case Reason::Kind::making_room:
      view.text = fmt::format(
          "{} {} being stopped to make room for it",
          list_of(names, reason.count),
          reason.count == 1 ? "is" : "are");
      return;
  }
}

/// What is kept for it meanwhile, and when it starts as far as anybody knows.
std::string outlook_text(const Reason& reason, const Wording& wording) {
  std::string text;
  if (!reason.holding.empty()) {
    text = fmt::format(". {} for it", kept_words(reason.holding, wording));
    if (reason.idle > 0) {
      text +=
          reason.holding.size() == 1 ? " and idle" : fmt::format(", {} of them idle", reason.idle);
    }
  }
  const bool told = reason.kind == Reason::Kind::next || reason.kind == Reason::Kind::making_room;
  if (!reason.start || told) {
    return text;
  }
  if (reason.exact) {
    return text + ". It starts " + in_time(reason.start, wording, " at the latest");
  }
  const Duration left = reason.start - wording.now;
  return text + (left.us <= 0
                     ? ". It should start any moment, going by past runs"
                     : fmt::format(". It starts in about {}, going by past runs", about(left)));
}

}  // namespace

ReasonView describe_wait(const Reason& reason, const Wording& wording) {
  ReasonView view;
  view.kind = kind_word(reason.kind);
  for (const core::Node& node : reason.nodes) {
    view.names.push_back(wording.name(node));
  }
  describe_reason(reason, wording, view);
  view.text += outlook_text(reason, wording);
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
      return name + " is Done, and was to fail";
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
      return fmt::format(
          "asked to be run again {} in a row, and that is the most",
          count_of(state.requeues, "time"));
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
