// What reasons are put into words with: names, and whatever else only the engine knows.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/scheduler.h"

namespace cattino::engine {

/// A running task, and how much it holds of what another is short of.
struct Holder {
  TaskId task;
  std::int64_t amount = 0;
};

struct Wording {
  std::function<std::string(core::Node)> name;             ///< fullnames
  std::function<std::string(std::uint16_t)> device;        ///< names of devices
  std::function<const core::Device*(std::uint16_t)> look;  ///< null: not known
  std::function<const core::TaskState*(TaskId)> state;     ///< null: not known
  std::function<core::Scheduler::Members(GroupId)> members;
  /// What is kept for another task that does not fit.
  std::function<std::optional<core::Scheduler::Reserved>(TaskId)> reserved;
  /// Who holds the cores, the host memory or the counter that there is too little of; the most first.
  std::function<std::vector<Holder>(const core::Reason&)> holders;
  const core::Host* host = nullptr;       ///< null: not known
  const core::Terms* terms = nullptr;     ///< the task's own; null: not known
  const core::TaskState* self = nullptr;  ///< the same
  Time now;
};

}  // namespace cattino::engine
