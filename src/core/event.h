// Everything that happens to the core, and everything it wants done. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/exit_status.h"
#include "base/ids.h"
#include "base/time.h"
#include "core/device.h"
#include "core/shares.h"
#include "core/task.h"

namespace cattino::core {

// ---- events ---------------------------------------------------------------------------------------

/// New work, already checked by Scheduler::check. Groups before their members, parents before children.
struct Submitted {
  SubmissionId id;
  std::vector<GroupSpec> groups;
  std::vector<TaskSpec> tasks;
  std::vector<Edge> edges;
};

/// What a stored submission looked like: sent once each after a restart, and when a task of a
/// submission that has left the core is resumed. Causes no action by itself.
struct Restored {
  Submitted work;
  std::vector<TaskState> tasks;    ///< as long as work.tasks
  std::vector<GroupState> groups;  ///< as long as work.groups
};

struct AttemptStarted {
  AttemptId attempt;
};

/// The process tree of the attempt is gone (or never was). Also for `lost`.
struct AttemptExited {
  AttemptId attempt;
  ExitStatus status;
  bool out_of_memory = false;  ///< it is known to have ended for lack of memory
};

/// The start of the attempt was taken back before it began.
struct AttemptRecalled {
  AttemptId attempt;
};

enum class HookKind : std::uint8_t { on_start, on_end };

struct HookEnded {
  Node owner;
  HookKind hook = HookKind::on_start;
  std::uint32_t attempt = 0;  ///< of a task; 0 for a group
  bool ok = true;
};

/// The process that runs the hooks died; the next one runs them on objects as they were submitted.
struct HooksReset {
  TaskId task;
};

/// The inventory of a host, whole. Devices never disappear from the list: they become `lost`.
struct HostObserved {
  Host host;
};

/// The counters there are, all of them, with their totals.
struct CountersDeclared {
  std::vector<CounterAmount> counters;
};

/// What users have used up before: sent once after a restart.
struct SharesKnown {
  std::vector<UserShare> shares;
};

struct TimerFired {};  ///< `now` has reached the time of the last ArmTimer

enum class Verb : std::uint8_t { cancel, kill, resume, remove };

/// What a user asked for, on tasks that exist in the core. Tasks on which the verb has no effect are
/// left alone; `Scheduler::would_change` tells beforehand.
struct Requested {
  Verb verb = Verb::cancel;
  std::vector<TaskId> tasks;
  Cause cause = Cause::none;  ///< for cancel: user_cancelled, replaced or shutdown
};

/// Nothing new starts while paused; of the group, or of everything.
struct Paused {
  bool paused = true;
  GroupId group = {};
};

using Event = std::variant<
    Submitted,
    Restored,
    AttemptStarted,
    AttemptExited,
    AttemptRecalled,
    HookEnded,
    HooksReset,
    HostObserved,
    CountersDeclared,
    SharesKnown,
    TimerFired,
    Requested,
    Paused>;

// ---- actions --------------------------------------------------------------------------------------

/// The stored part of a task changed. The last one of a turn holds.
struct TaskChanged {
  TaskId task;
  TaskState state;
};

struct GroupChanged {
  GroupId group;
  GroupState state;
};

/// Run the process of the attempt on what the task's state says is allocated; if its `behind` says so,
/// not before that task's process tree is gone.
struct StartAttempt {
  AttemptId attempt;
};

/// Take back the start of an attempt that is behind another, unless it has begun: answered by
/// AttemptRecalled, or not at all.
struct RecallAttempt {
  AttemptId attempt;
};

/// End the attempt: its stop signal, then after its grace everything that is left.
struct StopAttempt {
  AttemptId attempt;
};

struct RunHook {
  Node owner;
  HookKind hook = HookKind::on_start;
  std::uint32_t attempt = 0;
  /// What its owner shows meanwhile; in on_end what it is about to be, as things stand. Nothing: its
  /// tasks have several.
  std::optional<TaskStatus> shown = TaskStatus::running;
  bool again = false;  ///< on_end of a task that is about to run again
  bool failed =
      false;  ///< on_end of a task that is about to fail, or of a group in which one failed
};

/// The task of an on_start that runs was stopped: it is to end soon.
struct HurryHook {
  AttemptId attempt;
};

/// Send TimerFired at `at`; replaces the one before. `at` 0: none is needed.
struct ArmTimer {
  Time at;
};

/// Every task of the submission has ended and its hooks are over: it has left the core.
struct SubmissionEnded {
  SubmissionId submission;
};

using Action = std::variant<
    TaskChanged,
    GroupChanged,
    StartAttempt,
    StopAttempt,
    RecallAttempt,
    RunHook,
    HurryHook,
    ArmTimer,
    SubmissionEnded>;

using Actions = std::vector<Action>;

}  // namespace cattino::core
