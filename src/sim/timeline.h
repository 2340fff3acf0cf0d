// The lines of a timeline: what happened, in words, with the names of the scenario.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "core/reason.h"
#include "core/scheduler.h"
#include "sim/scenario.h"

namespace cattino::sim {

class Timeline {
 public:
  explicit Timeline(const Scenario& scenario) : scenario_(scenario) {}

  void add(Time now, const std::string& what);
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

  void changed(Time now, TaskId task, const core::TaskState& before, const core::TaskState& after);
  void starts(Time now, AttemptId attempt, const core::Allocation& allocation);
  void why(Time now, TaskId task, const core::Reason& reason);
  void refused(Time now, const std::vector<core::Problem>& problems);

  [[nodiscard]] const std::string& name_of(core::Node node) const;

 private:
  [[nodiscard]] std::string names_of(const std::vector<core::Node>& nodes) const;
  [[nodiscard]] std::string end_text(const core::TaskState& state) const;
  [[nodiscard]] std::string reason_text(const core::Reason& reason) const;
  [[nodiscard]] std::string devices_text(const core::Reason& reason) const;
  [[nodiscard]] std::string problem_text(const core::Problem& problem) const;

  const Scenario& scenario_;
  std::vector<std::string> lines_;
};

/// "0s", "1.5s".
std::string since_epoch(Time time);

}  // namespace cattino::sim
