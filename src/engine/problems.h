// Problems that the core finds in new work, as errors that name the field and set the numbers side by
// side.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "core/reason.h"
#include "core/task.h"

namespace cattino::engine {

struct ProblemContext {
  std::function<std::string(core::Node)> name;              ///< fullnames of the new nodes
  std::function<const core::Request&(core::Node)> request;  ///< what a new task asks for
  TaskId first_task;                                        ///< tasks[0]
  bool accelerators = false;                                ///< does the machine have any?
};

Error problem_error(const core::Problem& problem, const ProblemContext& context);

}  // namespace cattino::engine
