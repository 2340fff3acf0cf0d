// Actions as lines of text: to be compared, and to be digested.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "core/event.h"
#include "core/reason.h"

namespace cattino::sim {

inline std::string text(const core::Node& node) {
  return std::to_string(static_cast<int>(node.kind)) + ":" + std::to_string(node.id);
}
inline std::string text(const core::TaskState& s) {
  std::string line;
  for (const std::int64_t part :
       {static_cast<std::int64_t>(s.status),
        static_cast<std::int64_t>(s.phase),
        static_cast<std::int64_t>(s.held),
        static_cast<std::int64_t>(s.end_requested),
        static_cast<std::int64_t>(s.cause),
        static_cast<std::int64_t>(s.attempt),
        static_cast<std::int64_t>(s.requeues),
        static_cast<std::int64_t>(s.recalled),
        static_cast<std::int64_t>(s.behind.value),
        static_cast<std::int64_t>(s.retries),
        static_cast<std::int64_t>(s.preemptions),
        static_cast<std::int64_t>(s.device_lost),
        static_cast<std::int64_t>(s.out_of_memory),
        s.raised,
        static_cast<std::int64_t>(s.reserved),
        s.not_before.us,
        s.started.us,
        s.ended.us,
        static_cast<std::int64_t>(s.allocation.host)}) {
    line += std::to_string(part) + " ";
  }
  for (const std::uint16_t index : s.allocation.devices) {
    line += "d" + std::to_string(index);
  }
  return line + text(s.cause_node);
}

inline std::string text(const core::Reason& reason) {
  std::string line = "kind " + std::to_string(static_cast<int>(reason.kind)) + " fitting " +
                     std::to_string(reason.fitting) + " of";
  for (const core::Node& node : reason.nodes) {
    line += " " + text(node);
  }
  return line;
}

struct Texter {
  std::string operator()(const core::TaskChanged& a) const {
    return "task " + std::to_string(a.task.value) + " " + text(a.state);
  }
  std::string operator()(const core::GroupChanged& a) const {
    return "group " + std::to_string(a.group.value) + " " +
           std::to_string(static_cast<int>(a.state.phase)) + (a.state.paused ? " paused" : "");
  }
  std::string operator()(const core::StartAttempt& a) const {
    return "start " + std::to_string(a.attempt.key());
  }
  std::string operator()(const core::StopAttempt& a) const {
    return "stop " + std::to_string(a.attempt.key());
  }
  std::string operator()(const core::RecallAttempt& a) const {
    return "recall " + std::to_string(a.attempt.key());
  }
  std::string operator()(const core::RunHook& a) const {
    return "hook " + text(a.owner) + " " + std::to_string(static_cast<int>(a.hook)) + " " +
           std::to_string(a.attempt);
  }
  std::string operator()(const core::HurryHook& a) const {
    return "hurry " + std::to_string(a.attempt.key());
  }
  std::string operator()(const core::ArmTimer& a) const {
    return "timer " + std::to_string(a.at.us);
  }
  std::string operator()(const core::SubmissionEnded& a) const {
    return "ended " + std::to_string(a.submission.value);
  }
};

inline std::string text(const core::Action& action) {
  return std::visit(Texter{}, action);
}

}  // namespace cattino::sim
