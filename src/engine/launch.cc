// What exactly is started.
#include "engine/launch.h"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

#include "engine/magics.h"
#include "engine/paths.h"

namespace cattino::engine {

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

bool is_set(const Variables& variables, std::string_view name) {
  return std::any_of(variables.begin(), variables.end(), [name](const auto& variable) {
    return variable.first == name;
  });
}

struct LaunchPaths {
  std::string directory;
  std::string out;
  std::string err;
};

LaunchPaths paths_of(const Launch& launch) {
  LaunchPaths paths;
  paths.directory = log_directory(launch.submission.run_dir, launch.task.fullname);
  paths.out = log_path(paths.directory, "stdout", launch.state.attempt);
  paths.err = log_path(paths.directory, "stderr", launch.state.attempt);
  return paths;
}

Magics magics_of(const Launch& launch) {
  return {launch.task.name, launch.task.fullname, launch.submission.run_dir};
}

const core::Device* device_at(const devices::Inventory& inventory, std::uint16_t index) {
  const auto& all = inventory.host.devices;
  return index < all.size() ? &all[index] : nullptr;
}

bool has_accelerators(const devices::Inventory& inventory) {
  const auto& all = inventory.host.devices;
  return std::any_of(all.begin(), all.end(), [](const core::Device& device) {
    return device.kind == core::DeviceKind::accelerator;
  });
}

void add_defaults(const Launch& launch, Variables& variables) {
  const auto add = [&](bool in_environment, const char* name, std::string value) {
    if (!in_environment && !is_set(launch.task.variables, name)) {
      variables.emplace_back(name, std::move(value));
    }
  };
  const EnvironmentFacts& facts = launch.environment;
  add(facts.python_unbuffered, "PYTHONUNBUFFERED", "1");
  if (launch.master_port != 0) {
    add(facts.master_address, "MASTER_ADDR", "127.0.0.1");
    add(facts.master_port, "MASTER_PORT", std::to_string(launch.master_port));
  }
  const core::Allocation& allocation = launch.state.allocation;
  if (!allocation.whole && holds_accelerator(allocation, launch.inventory)) {
    add(facts.xla_preallocate, "XLA_PYTHON_CLIENT_PREALLOCATE", "false");
    add(facts.tf_growth, "TF_FORCE_GPU_ALLOW_GROWTH", "true");
  }
}

/// On a machine with accelerators a task sees those that it holds, and no other.
void add_visibility(const Launch& launch, Variables& variables) {
  const devices::Inventory& inventory = launch.inventory;
  if (inventory.visibility_variable.empty() || !has_accelerators(inventory)) {
    return;
  }
  std::string visible;
  for (const std::uint16_t index : launch.state.allocation.devices) {
    const core::Device* device = device_at(inventory, index);
    if (device != nullptr && device->kind == core::DeviceKind::accelerator) {
      visible += visible.empty() ? device->visible_id : "," + device->visible_id;
    }
  }
  for (const auto& extra : inventory.extra_environment) {
    variables.push_back(extra);
  }
  variables.emplace_back(inventory.visibility_variable, visible);
}

std::uint64_t bytes_of(Mib amount) {
  constexpr unsigned mib_shift = 20;
  return static_cast<std::uint64_t>(amount.value) << mib_shift;
}

/// Bytes; 0: none.
std::uint64_t log_limit_of(const Launch& launch) {
  return bytes_of(launch.task.log_limit.value_or(launch.log_limit));
}

/// What the kernel is to hold it to: what it was given, if that is wished.
supervisor::Bounds bounds_of(const Launch& launch) {
  const core::Allocation& given = launch.state.allocation;
  supervisor::Bounds bounds;
  if (launch.enforce == "ram" || launch.enforce == "all") {
    bounds.memory = bytes_of(given.ram);
  }
  if (launch.enforce == "cpus" || launch.enforce == "all") {
    bounds.millicores = static_cast<std::uint32_t>(given.cpus.value);
  }
  return bounds;
}

}  // namespace

EnvironmentFacts EnvironmentFacts::of(const std::vector<std::string>& variables) {
  EnvironmentFacts facts;
  for (const std::string& variable : variables) {
    facts.python_unbuffered |= variable.starts_with("PYTHONUNBUFFERED=");
    facts.master_address |= variable.starts_with("MASTER_ADDR=");
    facts.master_port |= variable.starts_with("MASTER_PORT=");
    facts.xla_preallocate |= variable.starts_with("XLA_PYTHON_CLIENT_PREALLOCATE=");
    facts.tf_growth |= variable.starts_with("TF_FORCE_GPU_ALLOW_GROWTH=");
  }
  return facts;
}

bool holds_accelerator(const core::Allocation& allocation, const devices::Inventory& inventory) {
  return std::any_of(
      allocation.devices.begin(), allocation.devices.end(), [&inventory](std::uint16_t index) {
        const core::Device* device = device_at(inventory, index);
        return device != nullptr && device->kind == core::DeviceKind::accelerator;
      });
}

Variables variables_of(const Launch& launch) {
  const std::string directory = log_directory(launch.submission.run_dir, launch.task.fullname);
  const Magics magics = magics_of(launch);
  Variables variables;
  variables.reserve(8 + launch.task.variables.size());
  add_defaults(launch, variables);
  for (const auto& [name, value] : launch.task.variables) {
    variables.emplace_back(name, fill_in(value, magics));
  }
  variables.emplace_back("CATTINO_TASK_HOME", directory);
  variables.emplace_back("CATTINO_TASK_NAME", launch.task.fullname);
  variables.emplace_back("CATTINO_ATTEMPT", std::to_string(launch.state.attempt));
  add_visibility(launch, variables);
  return variables;
}

supervisor::Spawn spawn_of(const Launch& launch) {
  LaunchPaths paths = paths_of(launch);
  const Magics magics = magics_of(launch);
  supervisor::Spawn spawn;
  spawn.key = AttemptId{launch.task.spec.id, launch.state.attempt}.key();
  spawn.environment = launch.submission.environment;
  // Later ones replace earlier ones there too: names may repeat.
  for (auto& [name, value] : variables_of(launch)) {
    spawn.variables.push_back(fmt::format("{}={}", name, value));
  }
  const std::vector<std::string>& words = launch.task.program.words;
  if (launch.task.program.kind == store::ProgramKind::argv) {
    for (const std::string& word : words) {
      spawn.argv.push_back(fill_in(word, magics));
    }
  } else if (!words.empty()) {
    spawn.argv = command_argv(words.front(), magics, launch.shell);
  }
  spawn.directory = launch.task.directory.empty() ? launch.submission.directory
                                                  : fill_in(launch.task.directory, magics);
  spawn.stdout_path = std::move(paths.out);
  spawn.stderr_path = std::move(paths.err);
  spawn.umask = launch.submission.umask;
  spawn.log_limit = log_limit_of(launch);
  spawn.bounds = bounds_of(launch);
  for (const store::ResourceLimit& limit : launch.submission.limits) {
    spawn.limits.push_back({limit.resource, limit.soft, limit.hard});
  }
  return spawn;
}

host::RunCall run_call_of(const Launch& launch) {
  LaunchPaths paths = paths_of(launch);
  const Magics magics = magics_of(launch);
  const AttemptId attempt{launch.task.spec.id, launch.state.attempt};
  host::RunCall call;
  call.call = fmt::format("t{}/{}/run", attempt.task.value, attempt.number);
  call.key = attempt.key();
  call.node = {false, attempt.task.value};
  call.environment = variables_of(launch);
  call.directory = launch.task.directory.empty() ? launch.submission.directory
                                                 : fill_in(launch.task.directory, magics);
  call.stdout_path = std::move(paths.out);
  call.stderr_path = std::move(paths.err);
  call.umask = launch.submission.umask;
  call.log_limit = log_limit_of(launch);
  const supervisor::Bounds bounds = bounds_of(launch);
  call.memory = bounds.memory;
  call.millicores = bounds.millicores;
  call.result = attempt_path(paths.directory, "result", attempt.number, "pkl");
  call.attempt = attempt.number;
  call.devices = launch.state.allocation.devices;
  call.created = launch.task.spec.created;
  call.priority = launch.task.spec.priority;
  call.run_dir = launch.submission.run_dir;
  return call;
}

}  // namespace cattino::engine
