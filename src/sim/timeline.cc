// The words of a timeline: see timeline.h.
#include "sim/timeline.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/text.h"

namespace cattino::sim {
namespace {

/// Thousandths without zeros at the end: "2", "0.5".
std::string thousandths(std::int64_t value) {
  std::string text = fmt::format("{}.{:03}", value / 1000, value % 1000);
  while (text.back() == '0') {
    text.pop_back();
  }
  if (text.back() == '.') {
    text.pop_back();
  }
  return text;
}

std::string memory_text(const MemoryRequest& memory) {
  switch (memory.kind) {
    case MemoryRequest::Kind::whole:
      return "";
    case MemoryRequest::Kind::mib:
      return fmt::format(" with {} MiB", memory.value);
    case MemoryRequest::Kind::share:
      return fmt::format(" with {}%", thousandths(memory.value / 10));
  }
  return "";
}

}  // namespace

std::string since_epoch(Time time) {
  return thousandths((time - epoch).ms()) + "s";
}

void Timeline::add(Time now, const std::string& what) {
  lines_.push_back(since_epoch(now) + " " + what);
}

const std::string& Timeline::name_of(core::Node node) const {
  if (node.kind == core::Node::Kind::group) {
    return scenario_.groups.at({node.id}).name;
  }
  return scenario_.tasks.at({node.id}).name;
}

std::string Timeline::names_of(const std::vector<core::Node>& nodes) const {
  std::string text;
  for (const core::Node& node : nodes) {
    text += (text.empty() ? "" : ", ") + name_of(node);
  }
  return text;
}

void Timeline::changed(
    Time now, TaskId task, const core::TaskState& before, const core::TaskState& after) {
  using core::TaskStatus;
  const std::string& name = scenario_.tasks.at(task).name;
  if (has_ended(after.status) && !has_ended(before.status)) {
    add(now, name + " " + end_text(after));
  } else if (after.status == TaskStatus::waiting && after.held && !before.held) {
    add(now, name + " is lost and held");
  } else if (after.status == TaskStatus::waiting && before.status == TaskStatus::running) {
    const char* why = after.preemptions > before.preemptions ? " made room"
                      : after.retries > before.retries       ? " is retried"
                                                             : " is requeued";
    add(now, name + why + (after.not_before ? " until " + since_epoch(after.not_before) : ""));
  } else if (after.status == TaskStatus::waiting && (has_ended(before.status) || before.held)) {
    add(now, name + " waits again");
  }
}

std::string Timeline::end_text(const core::TaskState& state) const {
  using core::Cause;
  std::string status = core::name(state.status);
  switch (state.cause) {
    case Cause::none:
      return status;
    case Cause::exit:
      return status + " (" + describe(state.last_exit) + ")";
    case Cause::dependency:
      return status + " (dependency " + name_of(state.cause_node) + ")";
    case Cause::user_cancelled:
      return status + " (by the user)";
    case Cause::user_killed:
      return status + " (killed by the user)";
    case Cause::hook_failed:
      return status + " (on_start raised)";
    case Cause::retries_over:
      return status + " (requeued too often)";
    case Cause::lost:
      return status + " (lost)";
    case Cause::replaced:
      return status + " (replaced)";
    case Cause::shutdown:
      return status + " (shut down)";
    case Cause::timed_out:
      return status + " (time limit)";
    case Cause::out_of_memory:
      return status + " (out of memory)";
    case Cause::preempted:
      return status + " (preempted)";
  }
  return status;
}

void Timeline::starts(Time now, AttemptId attempt, const core::Allocation& allocation) {
  std::string text = scenario_.tasks.at(attempt.task).name + " starts";
  if (attempt.number > 1) {
    text += fmt::format(" (attempt {})", attempt.number);
  }
  for (std::size_t i = 0; i < allocation.devices.size(); ++i) {
    const core::Host& host = scenario_.hosts.at(allocation.host);
    text += (i == 0 ? " on " : " ") + host.devices.at(allocation.devices[i]).name;
  }
  add(now, text);
}

void Timeline::why(Time now, TaskId task, const core::Reason& reason) {
  std::string text = scenario_.tasks.at(task).name + " " + reason_text(reason);
  if (!reason.holding.empty()) {
    text += fmt::format("; kept: {} (idle: {})", reason.holding.size(), reason.idle);
  }
  if (reason.start) {
    // As of the last event: what is overdue by now may come at any moment.
    text += (reason.exact ? "; starts by " : "; starts about ") +
            since_epoch(std::max(reason.start, now));
  }
  add(now, text);
}

std::string Timeline::reason_text(const core::Reason& reason) const {
  using Kind = core::Reason::Kind;
  switch (reason.kind) {
    case Kind::none:
      return "does not wait";
    case Kind::dependencies:
      return "waits for " + names_of(reason.nodes);
    case Kind::dependency_failed:
      return "waits: dependency " + names_of(reason.nodes) + " failed";
    case Kind::devices:
      return "waits: " + devices_text(reason);
    case Kind::cpus:
      return fmt::format(
          "waits: needs {} cores, {} free",
          thousandths(reason.wanted_cpus.value),
          thousandths(reason.free_cpus.value));
    case Kind::ram:
      return fmt::format(
          "waits: needs {} MiB of ram, {} free", reason.wanted_ram.value, reason.free_ram.value);
    case Kind::backoff:
      return "waits until " + since_epoch(reason.until);
    case Kind::held:
      return "waits: held";
    case Kind::paused:
      return "waits: paused" + (reason.nodes.empty() ? "" : " " + names_of(reason.nodes));
    case Kind::lost:
      return "waits: lost, held for the user";
    case Kind::next:
      return "is next";
    case Kind::counters:
      return fmt::format(
          "waits: needs {} {}, {} free", reason.wanted_count, reason.counter, reason.free_count);
    case Kind::parallel:
      return fmt::format("waits: {} runs {} already", names_of(reason.nodes), reason.count);
    case Kind::not_before:
      return "waits: not before " + since_epoch(reason.until);
    case Kind::reserved:
      return "waits: behind the reservation of " + names_of(reason.nodes) +
             (reason.until ? " at " + since_epoch(reason.until) : "");
    case Kind::behind:
      return "waits: behind " + names_of(reason.nodes);
    case Kind::making_room:
      return "waits for " + names_of(reason.nodes) + " to make room";
  }
  return "?";
}

std::string Timeline::devices_text(const core::Reason& reason) const {
  std::string text = "needs " + count_of(reason.wanted, "device") + memory_text(reason.memory) +
                     fmt::format(", {} fit", reason.fitting);
  for (const core::DeviceView& view : reason.devices) {
    if (view.fits) {
      continue;
    }
    const core::Host& host = scenario_.hosts.at(reason.host);
    text += fmt::format("; {}: {} MiB free", host.devices.at(view.index).name, view.free.value);
    for (const TaskId holder : view.holders) {
      text += ", held by " + scenario_.tasks.at(holder).name;
    }
  }
  return text;
}

void Timeline::refused(Time now, const std::vector<core::Problem>& problems) {
  for (const core::Problem& problem : problems) {
    add(now, "refused: " + problem_text(problem));
  }
}

std::string Timeline::problem_text(const core::Problem& problem) const {
  using Kind = core::Problem::Kind;
  switch (problem.kind) {
    case Kind::cycle:
      return names_of(problem.nodes) + " wait for each other";
    case Kind::infeasible_devices:
      return fmt::format(
          "{} needs {}; of {} at most {} fit, the largest has {} MiB",
          name_of(problem.node),
          count_of(problem.wanted, "device"),
          problem.of,
          problem.most,
          problem.largest.value);
    case Kind::infeasible_cpus:
      return fmt::format(
          "{} needs more than {} cores",
          name_of(problem.node),
          thousandths(problem.most_cpus.value));
    case Kind::infeasible_ram:
      return fmt::format(
          "{} needs more than {} MiB of ram", name_of(problem.node), problem.most_ram.value);
    case Kind::infeasible_counters:
      return fmt::format(
          "{} needs more {} than there are: {}",
          name_of(problem.node),
          problem.counter,
          problem.most_count);
    case Kind::no_host:
      return "there is no host";
  }
  return "?";
}

}  // namespace cattino::sim
