// What a task, a group and an edge are to the core: the part that is fixed at submission (…Spec) and
// the part that changes and is stored (…State).
//
// The life of a task:
//
//   waiting ──▶ running ──▶ done | failed | cancelled
//      ▲           │
//      └─ requeue ─┘        (exit status 100, a retry, an attempt that made room for another: see endings.cc)
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

#include <algorithm>
#include <compare>
#include <cstdint>
#include <string>
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
  friend auto operator<=>(const Hooks&, const Hooks&) = default;
};

/// So much of a counter that the user declared: licences, slots.
struct CounterAmount {
  std::string name;
  std::int64_t amount = 0;
  friend auto operator<=>(const CounterAmount&, const CounterAmount&) = default;
};

struct Request {
  std::uint16_t min_devices = 1;
  MemoryRequest memory;  ///< of each device
  Millicores cpus{-1};   ///< -1: the default, 0 beside an accelerator, else one core
  Mib ram;               ///< 0: none
  std::uint16_t max_devices =
      0;                     ///< takes up to so many that are idle at its start; 0: as min_devices
  Duration time_limit = {};  ///< its longest run, from its admission; 0: none
  std::vector<std::string> pins =
      {};  ///< names, indices, UUIDs or models of the devices it may have; empty: any
  std::vector<CounterAmount> counters = {};  ///< in order of names
  friend auto operator<=>(const Request&, const Request&) = default;
};

/// What a request for more memory raises: its ram, if it names any, for that is what is known to have been
/// used up; else what it asks of each device.
inline bool raises_ram(const Request& request) {
  return request.ram.value > 0 || request.min_devices == 0;
}

/// When an attempt that failed is followed by another. Exit status 100 has rules of its own.
struct RetryPolicy {
  std::uint32_t retries = 0;  ///< at most so many in all
  // After which ends:
  bool on_code = true;  ///< any exit code, if `codes` is empty
  bool on_signal = true;
  bool on_timeout = false;
  bool on_oom = true;
  bool on_lost = false;
  std::vector<std::uint8_t> codes;          ///< in order
  Duration backoff = Duration::seconds(1);  ///< before the first; doubled for each one after it
  Duration longest_backoff = Duration::seconds(600);
  /// After an end for lack of memory, the request is multiplied by this many millionths, up to the
  /// largest device; 0: it stays.
  std::int64_t oom_growth_ppm = 0;
  friend auto operator<=>(const RetryPolicy&, const RetryPolicy&) = default;
};

/// What many tasks have in common. The core keeps equal terms once.
struct Terms {
  Request request;
  std::int32_t priority = 0;  ///< higher runs first
  Duration expected;          ///< how long it is expected to run; 0: nobody knows
  UserId user;                ///< for fair shares
  RetryPolicy retry;
  Hooks hooks;
  bool cascade = true;   ///< Cancelled when a prerequisite can never be satisfied; else it waits
  bool command = false;  ///< a process alone, not a call in a host: it can be started in a line
  bool preemptible =
      false;  ///< may be stopped to make room for a higher priority, and runs again later
  friend auto operator<=>(const Terms&, const Terms&) = default;
};

struct TaskSpec : Terms {
  TaskId id;
  GroupId group;  ///< 0: none
  Time created;
  Time not_before;    ///< does not start before; 0: at once
  bool held = false;  ///< waits for the user from the start
};

struct GroupSpec {
  GroupId id;
  GroupId parent;  ///< 0: none
  Hooks hooks;
  std::uint32_t max_parallel = 0;  ///< at most so many tasks inside run at once; 0: any number
};

/// Why a task has the status it has, beyond the exit status.
enum class Cause : std::uint8_t {
  none,
  exit,        ///< failed: `last_exit` says how
  dependency,  ///< cancelled (or kept waiting): `cause_node` ended so that this can never run
  user_cancelled,
  user_killed,
  hook_failed,    ///< an on_start raised
  retries_over,   ///< asked to be run again too often
  lost,           ///< held: nobody can know how its last attempt ended
  replaced,       ///< cancelled: a new submission took its name (`allow`)
  shutdown,       ///< cancelled: the user ended the backend with its tasks
  timed_out,      ///< failed: it ran for its time limit
  out_of_memory,  ///< failed: for lack of memory
  preempted,      ///< it made room for a higher priority
};

/// The exit status by which a task asks to be run again, and how often in a row that is heeded.
constexpr int retry_code = 100;
constexpr std::uint32_t most_requeues = 10;

/// The devices, cores and memory that a running attempt holds; counters are as in the request. `mib` is the claim on each device;
/// `whole` means that the device is held alone.
struct Allocation {
  std::uint32_t host = 0;
  std::vector<std::uint16_t> devices;
  std::vector<Mib> mib;  ///< as long as `devices`
  bool whole = false;
  Millicores cpus;
  Mib ram;

  [[nodiscard]] bool is_nothing() const {
    return devices.empty() && cpus.value == 0 && ram.value == 0;
  }
};

struct TaskState {
  TaskStatus status = TaskStatus::waiting;
  TaskPhase phase = TaskPhase::none;
  bool held = false;           ///< waits for the user
  bool end_requested = false;  ///< cancel or kill came while running; `cause` says which
  bool recalled = false;       ///< its line was recalled while it was behind another
  bool device_lost = false;    ///< a device of the last attempt was lost when it ended
  bool out_of_memory = false;  ///< the last attempt ended for lack of memory
  bool hooks_reset = false;  ///< its hooks lost what earlier ones had left on objects, at some time
  Cause cause = Cause::none;
  Node cause_node;
  std::uint32_t attempt = 0;      ///< number of the current or last attempt; 0: none yet
  std::uint32_t requeues = 0;     ///< in a row, and not for a retry; an hour's run resets it
  std::uint32_t retries = 0;      ///< attempts that failed and were followed by another
  std::uint32_t preemptions = 0;  ///< attempts that made room for another task
  ExitStatus last_exit;           ///< of the process of the last attempt
  Time not_before;                ///< does not start before then
  Time queued;   ///< since then nothing but resources stands in its way, if nothing else does now
  Time started;  ///< of the last attempt's admission
  Time ended;
  Allocation allocation;  ///< empty unless it holds devices
  /// What it asks for after a lack of memory, in place of its request's memory (in that one's unit; its
  /// ram, if it asks for no device); 0: its request stands.
  std::int64_t raised = 0;
  /// In a line (see line.cc): its process begins when that task's is gone, on what that one holds until
  /// then; `allocation` is the same. 0: in none, or in front.
  TaskId behind;
  std::uint32_t reserved = 0;  ///< room is kept for it on this host, counted from 1; 0: nowhere
};

/// The state of a task when it comes.
inline TaskState first_state(const TaskSpec& spec) {
  TaskState state;
  state.held = spec.held;
  state.not_before = spec.not_before;
  state.queued = std::max(spec.created, spec.not_before);
  return state;
}

/// Does a task in this state hold what its allocation, or that of the one in front, says?
bool holds_resources(const TaskState& state);

enum class GroupPhase : std::uint8_t { idle, start_hook, started, end_hook, ended, start_failed };

/// Between the begin of a group's first hook and the end of its last one.
constexpr bool is_in_round(GroupPhase phase) {
  return phase != GroupPhase::idle && phase != GroupPhase::ended;
}

struct GroupState {
  GroupPhase phase = GroupPhase::idle;
  bool paused = false;  ///< nothing inside starts
  Time ended = {};      ///< of its on_end, if it has one
};

}  // namespace cattino::core
