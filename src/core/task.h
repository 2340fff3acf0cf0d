// What a task, a group and an edge are to the core: the part that is fixed at submission (…Spec) and
// the part that changes and is stored (…State).
//
// The life of a task:
//
//   waiting ──▶ running ──▶ done | failed | cancelled
//      ▲           │
//      └─ requeue ─┘        (exit status 100, a lost attempt that may be retried)
//
// A running task passes through phases, in order; those without a hook or a process are skipped:
//
//   group_hooks   on_start of groups that have not started yet, outermost first
//   start_hook    on_start of the task
//   starting      StartAttempt was asked for; the process is not known yet
//   process       the process runs
//   stopping      its end was asked for
//   end_hook      the process tree is gone, devices are free; on_end of the task runs
//
// Where tasks are very short, some are started ahead of time, in lines behind running ones: see line.cc.
//
// Devices are held from before group_hooks until the process tree is gone. A task's successors are
// released when it leaves the running status, so after on_end.
#pragma once

#include <cstdint>
#include <vector>

#include "base/amounts.h"
#include "base/exit_status.h"
#include "base/ids.h"
#include "base/time.h"

namespace cattino::core {

enum class TaskStatus : std::uint8_t { waiting, running, done, failed, cancelled };

const char* name(TaskStatus status);  ///< "Waiting", "Running", "Done", "Failed", "Cancelled"
inline bool has_ended(TaskStatus status) {
  return status >= TaskStatus::done;
}

enum class TaskPhase : std::uint8_t {
  none,
  group_hooks,
  start_hook,
  starting,
  process,
  stopping,
  end_hook,
};

/// A node of the graph of prerequisites: a task or a group.
struct Node {
  enum class Kind : std::uint8_t { none, task, group };
  Kind kind = Kind::none;
  std::uint64_t id = 0;

  static Node of(TaskId task) { return {Kind::task, task.value}; }
  static Node of(GroupId group) { return {Kind::group, group.value}; }
  friend auto operator<=>(const Node&, const Node&) = default;
};

/// Which ends of `from` satisfy an edge.
enum class When : std::uint8_t { ok, any, fail };

struct Edge {
  Node from;
  Node to;
  When when = When::ok;
};

/// Hooks that the Python object of a task or group has overridden. Bits.
struct Hooks {
  bool on_start = false;
  bool on_end = false;
};

struct Request {
  std::uint16_t min_devices = 1;
  MemoryRequest memory;  ///< of each device
  Millicores cpus{-1};   ///< -1: the default, 0 beside an accelerator, else one core
  Mib ram;               ///< 0: none
  friend auto operator<=>(const Request&, const Request&) = default;
};

struct TaskSpec {
  TaskId id;
  GroupId group;  ///< 0: none
  Request request;
  std::int32_t priority = 0;  ///< higher runs first
  Time created;
  Duration expected;  ///< how long it is expected to run; 0: nobody knows
  Hooks hooks;
  bool cascade = true;   ///< Cancelled when a prerequisite can never be satisfied; else it waits
  bool command = false;  ///< a process alone, not a call in a host: it can be started in a line
};

struct GroupSpec {
  GroupId id;
  GroupId parent;  ///< 0: none
  Hooks hooks;
};

/// Why a task has the status it has, beyond the exit status.
enum class Cause : std::uint8_t {
  none,
  exit,        ///< failed: `last_exit` says how
  dependency,  ///< cancelled (or kept waiting): `cause_node` ended so that this can never run
  user_cancelled,
  user_killed,
  hook_failed,   ///< an on_start raised
  retries_over,  ///< asked to be run again too often
  lost,          ///< held: nobody can know how its last attempt ended
  replaced,      ///< cancelled: a new submission took its name (`allow`)
  shutdown,      ///< cancelled: the user ended the backend with its tasks
};

/// The devices, cores and memory that a running attempt holds. `mib` is the claim on each device;
/// `whole` means that the device is held alone.
struct Allocation {
  std::uint32_t host = 0;
  std::vector<std::uint16_t> devices;
  std::vector<Mib> mib;  ///< as long as `devices`
  bool whole = false;
  Millicores cpus;
  Mib ram;
};

struct TaskState {
  TaskStatus status = TaskStatus::waiting;
  TaskPhase phase = TaskPhase::none;
  bool held = false;           ///< waits for the user
  bool end_requested = false;  ///< cancel or kill came while running; `cause` says which
  bool recalled = false;       ///< its line was recalled while it was behind another
  Cause cause = Cause::none;
  Node cause_node;
  std::uint32_t attempt = 0;   ///< number of the current or last attempt; 0: none yet
  std::uint32_t requeues = 0;  ///< in a row; an hour's run resets it
  ExitStatus last_exit;        ///< of the process of the last attempt
  Time not_before;             ///< backing off until then
  Time started;                ///< of the last attempt's admission
  Time ended;
  Allocation allocation;  ///< empty unless it holds devices
  /// In a line (see line.cc): its process begins when that task's is gone, on what that one holds until
  /// then; `allocation` is the same. 0: in none, or in front.
  TaskId behind;
};

enum class GroupPhase : std::uint8_t { idle, start_hook, started, end_hook, ended, start_failed };

struct GroupState {
  GroupPhase phase = GroupPhase::idle;
};

}  // namespace cattino::core
