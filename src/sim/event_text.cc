// Events in words.
#include "sim/event_text.h"

#include <variant>

#include <fmt/core.h>

#include "base/exit_status.h"
#include "sim/action_text.h"

namespace cattino::sim {
namespace {

std::string words(const core::Request& request) {
  std::string line = fmt::format("devices {}", request.min_devices);
  line += request.max_devices > 0 ? fmt::format("..{}", request.max_devices) : "";
  line += request.memory.value > 0 ? fmt::format(" memory {}", request.memory.value) : "";
  line += request.cpus.value >= 0 ? fmt::format(" cpus {}m", request.cpus.value) : "";
  line += request.ram.value > 0 ? fmt::format(" ram {}", request.ram.value) : "";
  line += request.time_limit.us > 0 ? fmt::format(" limit {} ms", request.time_limit.ms()) : "";
  for (const std::string& pin : request.pins) {
    line += " pin " + pin;
  }
  for (const core::CounterAmount& counter : request.counters) {
    line += fmt::format(" {} {}", counter.name, counter.amount);
  }
  return line;
}

struct EventTexter {
  std::string operator()(const core::Submitted& work) const {
    std::string lines = fmt::format("submission {}", work.id.value);
    for (const core::GroupSpec& group : work.groups) {
      lines += fmt::format(
          "\n    group {} in {} most {} hooks {}{}",
          group.id.value,
          group.parent.value,
          group.max_parallel,
          int{group.hooks.on_start},
          int{group.hooks.on_end});
    }
    for (const core::TaskSpec& task : work.tasks) {
      lines += fmt::format(
          "\n    task {} in {} priority {} user {} hooks {}{}{}{}{} retries {}: {}",
          task.id.value,
          task.group.value,
          task.priority,
          task.user.value,
          int{task.hooks.on_start},
          int{task.hooks.on_end},
          task.cascade ? "" : " keeps-waiting",
          task.preemptible ? " preemptible" : "",
          task.held ? " held" : "",
          task.retry.retries,
          words(task.request));
    }
    for (const core::Edge& edge : work.edges) {
      lines += fmt::format(
          "\n    edge {} -> {} when {}",
          text(edge.from),
          text(edge.to),
          static_cast<int>(edge.when));
    }
    return lines;
  }
  std::string operator()(const core::Restored& restored) const {
    return fmt::format("restored {}", restored.work.id.value);
  }
  std::string operator()(const core::AttemptStarted& event) const {
    return "started " + words(event.attempt);
  }
  std::string operator()(const core::AttemptExited& event) const {
    return fmt::format(
        "exited {}: {}{}",
        words(event.attempt),
        describe(event.status),
        event.out_of_memory ? ", out of memory" : "");
  }
  std::string operator()(const core::AttemptRecalled& event) const {
    return "recalled " + words(event.attempt);
  }
  std::string operator()(const core::HookEnded& event) const {
    const char* which = event.hook == core::HookKind::on_start ? "on_start" : "on_end";
    return fmt::format(
        "{} of {} attempt {} {}",
        which,
        text(event.owner),
        event.attempt,
        event.ok ? "ends" : "raises");
  }
  std::string operator()(const core::HooksReset& event) const {
    return "hooks reset " + std::to_string(event.task.value);
  }
  std::string operator()(const core::HostObserved& event) const {
    std::string line = fmt::format("host {}:", event.host.id);
    for (const core::Device& device : event.host.devices) {
      line += fmt::format(
          " {} MiB health {}{}",
          device.total.value,
          static_cast<int>(device.health),
          device.strangers ? " strangers" : "");
    }
    return line;
  }
  std::string operator()(const core::CountersDeclared& event) const {
    return fmt::format("{} counters are declared", event.counters.size());
  }
  std::string operator()(const core::SharesKnown& event) const {
    return fmt::format("shares of {} users", event.shares.size());
  }
  std::string operator()(const core::TimerFired&) const { return "the timer fires"; }
  std::string operator()(const core::Requested& event) const {
    std::string line = fmt::format("verb {} on", static_cast<int>(event.verb));
    for (const TaskId task : event.tasks) {
      line += fmt::format(" {}", task.value);
    }
    return line;
  }
  std::string operator()(const core::Paused& event) const {
    return fmt::format("{} group {}", event.paused ? "pause" : "unpause", event.group.value);
  }

 private:
  static std::string words(AttemptId attempt) {
    return fmt::format("{}.{}", attempt.task.value, attempt.number);
  }
  static std::string words(const core::Request& request) { return sim::words(request); }
};

}  // namespace

std::string text(Time at, const core::Event& event) {
  return fmt::format("{:>9} ms  {}", at.ms(), std::visit(EventTexter{}, event));
}

}  // namespace cattino::sim
