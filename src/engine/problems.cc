// From problems to errors.
#include "engine/problems.h"

#include <fmt/core.h>

#include "base/text.h"
#include "engine/shortages.h"

namespace cattino::engine {

namespace {

std::string cycle_text(const core::Problem& problem, const ProblemContext& context) {
  std::string text;
  for (const core::Node& node : problem.nodes) {
    text += context.name(node) + " → ";
  }
  if (!problem.nodes.empty()) {
    text += context.name(problem.nodes.front());
  }
  return "each of these waits for the one before it: " + text;
}

std::string wanted_memory(const MemoryRequest& memory) {
  switch (memory.kind) {
    case MemoryRequest::Kind::whole:
      return "all of its memory";
    case MemoryRequest::Kind::mib:
      return fmt::format("{} MiB", memory.value);
    case MemoryRequest::Kind::share:
      return fmt::format("{}% of its memory", memory.value / 10'000);
  }
  return "more memory";
}

Error memory_error(const core::Problem& problem, const MemoryRequest& memory) {
  const int lacking = problem.of - problem.most;
  Error error;
  error.code = ErrorCode::infeasible;
  error.field = "request.memory";
  error.message = fmt::format(
      "asks for {} with {}{}; {} of {} {} less, the largest has {} MiB",
      count_of(problem.wanted, "device"),
      wanted_memory(memory),
      problem.wanted == 1 ? "" : " each",
      lacking,
      count_of(problem.of, "device"),
      lacking == 1 ? "has" : "have",
      problem.largest.value);
  error.hint =
      problem.most == 0
          ? fmt::format("ask for at most {} MiB, or for whole devices", problem.largest.value)
          : fmt::format("ask for less memory, or for at most {}", count_of(problem.most, "device"));
  return error;
}

Error devices_error(const core::Problem& problem, const ProblemContext& context) {
  Error error;
  error.code = ErrorCode::infeasible;
  if (problem.wanted > problem.of) {
    error.field = "request.min_devices";
    error.message = fmt::format(
        "asks for {}; there {} {}",
        count_of(problem.wanted, "device"),
        problem.of == 1 ? "is" : "are",
        problem.of);
  } else {
    error = memory_error(problem, context.request(problem.node).memory);
  }
  if (problem.pinned) {
    error.message += " among those it is pinned to";
    error.hint = "`meow devices --json` tells their names, UUIDs and models";
  } else if (!context.accelerators) {
    error.hint =
        "no accelerator was found here; declare devices to act as if there were: "
        "meow run --devices 2x24GiB, or the setting `devices`";
  }
  return error;
}

Error cores_error(const core::Problem& problem, const core::Request& request) {
  // Unless told otherwise a task needs one.
  const Millicores wanted{request.cpus.value < 0 ? 1000 : request.cpus.value};
  const std::int64_t most = problem.most_cpus.value;
  return {
      ErrorCode::infeasible,
      fmt::format(
          "asks for {}; tasks may use {}", cores_of(wanted), most > 0 ? cores_of({most}) : "none"),
      "request.cpus",
      "the setting `cpus` says how many cores tasks may use"};
}

Error ram_error(const core::Problem& problem, const core::Request& request) {
  // On a machine without accelerators what it asks of its device is host memory, too.
  const bool more = request.ram <= problem.most_ram;
  return {
      ErrorCode::infeasible,
      fmt::format(
          "asks for {} MiB of host memory{}; there are {} MiB",
          request.ram.value,
          more ? " beside what it asks of the device" : "",
          problem.most_ram.value),
      "request.ram"};
}

Error counter_error(const core::Problem& problem, const core::Request& request) {
  std::int64_t wanted = 0;
  for (const core::CounterAmount& counter : request.counters) {
    wanted = counter.name == problem.counter ? counter.amount : wanted;
  }
  const std::int64_t most = problem.most_count;
  Error error;
  error.code = ErrorCode::infeasible;
  error.field = "request.resources." + problem.counter;
  error.message = most == 0 ? fmt::format("asks for {}, which is not declared", problem.counter)
                            : fmt::format(
                                  "asks for {} of {}; there {} {}",
                                  wanted,
                                  problem.counter,
                                  most == 1 ? "is" : "are",
                                  most);
  error.hint = "the setting `resources` says what there is";
  return error;
}

}  // namespace

Error problem_error(const core::Problem& problem, const ProblemContext& context) {
  Error error;
  switch (problem.kind) {
    case core::Problem::Kind::cycle:
      return {ErrorCode::invalid, cycle_text(problem, context), "edges"};
    case core::Problem::Kind::infeasible_devices:
      error = devices_error(problem, context);
      break;
    case core::Problem::Kind::infeasible_cpus:
      error = cores_error(problem, context.request(problem.node));
      break;
    case core::Problem::Kind::infeasible_ram:
      error = ram_error(problem, context.request(problem.node));
      break;
    case core::Problem::Kind::infeasible_counters:
      error = counter_error(problem, context.request(problem.node));
      break;
    case core::Problem::Kind::no_host:
      return {ErrorCode::unavailable, "the devices of this machine are not known yet"};
  }
  error.field =
      fmt::format("tasks[{}].{}", problem.node.id - context.first_task.value, error.field);
  error.message = fmt::format("{} {}", context.name(problem.node), error.message);
  return error;
}

}  // namespace cattino::engine
