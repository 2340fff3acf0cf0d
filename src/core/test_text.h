// For random tests: actions as lines of text to be compared.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "core/event.h"

namespace cattino::core {

inline std::string text(const Node& node) {
  return std::to_string(static_cast<int>(node.kind)) + ":" + std::to_string(node.id);
}
inline std::string text(const TaskState& s) {
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

struct Texter {
  std::string operator()(const TaskChanged& a) const {
    return "task " + std::to_string(a.task.value) + " " + text(a.state);
  }
  std::string operator()(const GroupChanged& a) const {
    return "group " + std::to_string(a.group.value) + " " +
           std::to_string(static_cast<int>(a.state.phase));
  }
  std::string operator()(const StartAttempt& a) const {
    return "start " + std::to_string(a.attempt.key());
  }
  std::string operator()(const StopAttempt& a) const {
    return "stop " + std::to_string(a.attempt.key());
  }
  std::string operator()(const RecallAttempt& a) const {
    return "recall " + std::to_string(a.attempt.key());
  }
  std::string operator()(const RunHook& a) const {
    return "hook " + text(a.owner) + " " + std::to_string(static_cast<int>(a.hook)) + " " +
           std::to_string(a.attempt);
  }
  std::string operator()(const ArmTimer& a) const { return "timer " + std::to_string(a.at.us); }
  std::string operator()(const SubmissionEnded& a) const {
    return "ended " + std::to_string(a.submission.value);
  }
};

inline std::string text(const Action& action) {
  return std::visit(Texter{}, action);
}

}  // namespace cattino::core
