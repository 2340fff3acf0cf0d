// From a stored task and its allocation to what is started: a supervisor's Spawn, or a host's RunCall.
//
// Variables, each over the one before: the submission's environment; defaults for what neither it nor
// the task sets (PYTHONUNBUFFERED, MASTER_ADDR and MASTER_PORT, and on a shared accelerator the ones
// that keep JAX and TensorFlow from taking all of it); the task's own `env`; what `env` may not change
// (CATTINO_…, the visibility variable and what goes with it).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/task.h"
#include "devices/inventory.h"
#include "host/lines.h"
#include "store/records.h"
#include "supervisor/messages.h"

namespace cattino::engine {

/// Which defaults an environment has already.
struct EnvironmentFacts {
  bool python_unbuffered = false;
  bool master_address = false;
  bool master_port = false;
  bool xla_preallocate = false;
  bool tf_growth = false;

  static EnvironmentFacts of(const std::vector<std::string>& variables);
};

struct Launch {
  const store::Task& task;
  const store::Submission& submission;
  const core::TaskState& state;
  const devices::Inventory& inventory;
  EnvironmentFacts environment;
  const std::vector<std::string>& shell;
  std::uint16_t master_port = 0;         ///< 0: none
  Mib log_limit = {};                    ///< of a task that names none; 0: none
  std::string_view enforce = "nothing";  ///< the setting
};

/// Does the attempt hold an accelerator?
bool holds_accelerator(const core::Allocation& allocation, const devices::Inventory& inventory);

supervisor::Spawn spawn_of(const Launch& launch);
host::RunCall run_call_of(const Launch& launch);

/// Added variables, in order; a later one of the same name wins.
std::vector<std::pair<std::string, std::string>> variables_of(const Launch& launch);

}  // namespace cattino::engine
