// What must hold of a scheduler, seen from outside: of its events, its actions and its answers alone.
//
// It keeps books of its own: what each task holds, who ran before whom, who was promised what. What the
// core's own invariants say is not asked here, nor are its tables looked into.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/scheduler.h"

namespace cattino::sim {

/// A rule was broken.
class Broken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A reason for which resources are looked at: the task is ready.
bool is_about_room(core::Reason::Kind kind);

class Judge {
 public:
  Judge(const core::Scheduler& scheduler, core::Policy policy)
      : scheduler_(&scheduler), policy_(std::move(policy)) {}

  /// Throws Broken.
  void look(Time now, const core::Event& event, const core::Actions& actions);

  /// Is the reason of this task, if it waits, a true one? Throws Broken.
  void check_reason(TaskId task, Time now) const;

  /// From now on another scheduler, which is to be in the same state, is looked at.
  void turn_to(const core::Scheduler& scheduler) { scheduler_ = &scheduler; }

 private:
  struct Known {
    core::TaskSpec spec;
    core::TaskState state;
    std::vector<core::Edge> before;  ///< edges to it
  };
  struct Held {
    std::map<std::pair<std::uint32_t, std::uint16_t>, Mib> claims;  ///< by host and device
    std::map<std::pair<std::uint32_t, std::uint16_t>, std::int64_t> holders;
    std::map<std::uint32_t, std::int64_t> cpus;
    std::map<std::string, std::int64_t> counters;
  };

  void hear(const core::Event& event);
  void hear(const core::Submitted& work);
  void hear(const core::Host& host);
  void take(const Known& known, std::int64_t sign);
  void change(Time now, const core::TaskChanged& change);
  void check_report(const core::Event& event, const core::Actions& actions) const;
  void check_start(Time now, const Known& known, const core::TaskState& state) const;
  void check_order(Time now, const Known& started) const;
  void check_edges(const Known& known) const;
  void check_held() const;
  void check_limits(Time now) const;
  void check_promises(Time now, const core::Event& event);
  void check_end(const core::SubmissionEnded& ended);
  [[nodiscard]] bool is_satisfied(const core::Edge& edge) const;
  [[nodiscard]] bool is_ready(const Known& known, Time now) const;
  [[nodiscard]] std::int64_t running_in(GroupId group) const;
  [[nodiscard]] bool is_paused(GroupId group) const;

  const core::Scheduler* scheduler_;
  core::Policy policy_;
  std::map<TaskId, Known> tasks_;
  std::map<GroupId, core::GroupSpec> groups_;
  std::map<GroupId, core::GroupState> group_states_;
  std::map<GroupId, std::vector<core::Edge>> before_groups_;
  std::map<SubmissionId, std::vector<TaskId>> submissions_;
  std::map<std::uint32_t, core::Host> hosts_;
  std::map<std::pair<std::uint32_t, std::uint16_t>, Mib> most_;  ///< the largest total seen
  std::map<std::string, std::int64_t> counters_;                 ///< the largest totals seen
  std::set<std::uint64_t> started_;                              ///< attempts
  std::pair<TaskId, Time> promised_;                             ///< to the first head
  std::vector<TaskId> begun_;                                    ///< in this step
  Held held_;
  bool paused_ = false;
};

}  // namespace cattino::sim
