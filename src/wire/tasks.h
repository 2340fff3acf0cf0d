// Tasks and groups as the daemon shows them: GET /v1/tasks and what other answers are made of.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/amounts.h"
#include "base/exit_status.h"
#include "wire/common.h"

namespace cattino::wire {

/// What a task asks for, both ways. `memory`: MiB, a share in (0, 1] or text; written as MiB, "50%" or
/// "whole". `ram`: MiB or text. `cpus`: a number; absent: the default. The rest is left out unless it was
/// asked for.
struct Request {
  std::optional<std::uint16_t> min_devices;
  std::optional<MemoryRequest> memory;
  std::optional<Millicores> cpus;
  std::optional<Mib> ram;
  std::optional<std::uint16_t> max_devices;
  std::optional<Milliseconds> time_limit;
  std::optional<std::vector<std::string>> devices;  ///< names, indices, UUIDs or models
  std::optional<Dictionary<std::int64_t>> resources;
};

/// When a task that failed is run again.
struct Retry {
  std::uint32_t retries = 0;
  std::vector<RetryEnd> on;
  Milliseconds backoff = 0;
  Milliseconds longest_backoff = 0;
  std::optional<Factor> oom_growth;
};

/// How an attempt ended: words, and one of code, signal, stage (with errno), or none of them (lost).
struct Exit {
  std::string text;
  std::optional<std::int32_t> code;
  std::optional<std::int32_t> signal;
  std::optional<std::string> stage;
  std::optional<std::int32_t> errno_;  // NOLINT(readability-identifier-naming)
};

/// A device as a waiting task sees it.
struct ReasonDevice {
  std::uint16_t index = 0;
  bool fits = false;
  std::int64_t total = 0;
  std::int64_t free = 0;
  std::vector<std::uint64_t> holders;  ///< ids of running tasks
};

/// Why a task waits, or ended as it did. The numbers that belong to `kind`.
struct Reason {
  std::string text;
  std::optional<std::string> kind;
  std::vector<std::string> names;  ///< fullnames of the tasks and groups it is about
  std::optional<std::uint64_t> count;
  std::optional<std::uint16_t> wanted;
  std::optional<std::uint16_t> fitting;
  std::optional<MemoryRequest> memory;
  std::vector<ReasonDevice> devices;
  std::optional<Millicores> wanted_cpus;
  std::optional<Millicores> free_cpus;
  std::optional<std::int64_t> wanted_ram;
  std::optional<std::int64_t> free_ram;
  std::optional<Milliseconds> until;
  std::optional<std::string> resource;  ///< a counter
  std::optional<std::int64_t> wanted_count;
  std::optional<std::int64_t> free_count;
  std::optional<std::vector<std::uint16_t>> kept;  ///< devices that are kept for it
  std::optional<std::uint16_t> idle;               ///< of these, idle
  std::optional<Milliseconds> start;               ///< when it will start
  std::optional<bool> exact;                       ///< at the latest then, not about then
  std::optional<std::string> resume;  ///< fullname of what is to be resumed so that it can run
};

/// How far a task says it is.
struct Progress {
  std::optional<std::int64_t> step;
  std::optional<std::int64_t> total;
  Dictionary<Number> metrics;
};

struct Task {
  std::uint64_t id = 0;
  std::string name;
  std::string fullname;
  std::string shown;            ///< fullname, or fullname#id when the name has been given up
  Nullable<std::string> group;  ///< fullname of its group
  std::uint64_t submission = 0;
  std::string status;
  Nullable<std::string> phase;  ///< of a running task
  bool held = false;
  Nullable<Reason> reason;
  std::string command;  ///< as one line, also of an argv and a function
  std::int32_t priority = 0;
  Request request;
  std::optional<Retry> retry;
  std::optional<Milliseconds> not_before;
  std::optional<bool> preemptible;
  std::optional<Mib> log_limit;              ///< of each of its logs; 0: none
  std::optional<std::uint32_t> retries;      ///< so many of its attempts were followed by another
  std::optional<std::uint32_t> preemptions;  ///< so many made room for another task
  std::optional<bool> hooks_reset;  ///< its hooks lost what earlier ones had left on objects
  std::uint32_t attempt = 0;
  std::vector<std::string> devices;
  Nullable<std::int32_t> pid;
  Milliseconds created = 0;
  Nullable<Milliseconds> started;
  Nullable<Milliseconds> ended;
  Nullable<Exit> exit;
  Nullable<std::string> stdout_;  // NOLINT(readability-identifier-naming)
  Nullable<std::string> stderr_;  // NOLINT(readability-identifier-naming)
  std::optional<Progress> progress;
  std::string run_dir;
  std::string directory;
};

struct Group {
  std::uint64_t id = 0;
  std::string fullname;
  std::uint64_t submission = 0;
  std::string status;
  Counts counts;
};

struct TaskList {
  std::vector<Task> tasks;
  std::vector<Group> groups;
  std::uint64_t truncated = 0;
  Milliseconds now = 0;
  Counts counts;
};

struct Attempt {
  std::uint32_t number = 0;
  Nullable<Exit> status;
  std::vector<std::string> devices;
  Nullable<std::int32_t> pid;
  Milliseconds started = 0;
  Nullable<Milliseconds> ended;
  std::string stdout_;  // NOLINT(readability-identifier-naming)
  std::string stderr_;  // NOLINT(readability-identifier-naming)
  std::int64_t user_ms = 0;
  std::int64_t system_ms = 0;
  std::int64_t max_rss_mib = 0;
};

/// GET /v1/tasks/{reference} of a task; exactly one of command, argv and function.
struct TaskDetail {
  Task task;
  std::vector<Attempt> attempts;
  std::vector<std::string> needs;
  std::vector<std::string> needed_by;
  Dictionary<std::string> environment;
  std::string cwd;
  std::optional<std::string> command;
  std::optional<std::vector<std::string>> argv;
  std::optional<std::string> function;
};

/// GET /v1/tasks/{reference} of a group.
struct GroupDetail {
  Nullable<Group> group;
  std::vector<Task> tasks;
};

/// Which of the two it is, "task" or "group" in the object tells.
using Detail = std::variant<TaskDetail, GroupDetail>;

}  // namespace cattino::wire
