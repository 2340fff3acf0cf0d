// What is stored, as values: the fixed parts that only the store keeps, beside the core's specs and states.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/amounts.h"
#include "base/exit_status.h"
#include "base/ids.h"
#include "base/time.h"
#include "core/event.h"
#include "core/task.h"

namespace cattino::store {

struct ResourceLimit {
  std::uint8_t resource = 0;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

/// What all tasks of a submission share.
struct Submission {
  SubmissionId id;
  Time created;
  std::string key;                ///< idempotency key; may be empty
  std::string directory;          ///< working directory of the submitter
  std::uint64_t environment = 0;  ///< id of a stored environment
  std::uint32_t umask = 022;
  std::vector<ResourceLimit> limits;
  std::string interpreter;  ///< may be empty
  std::vector<std::string> python_path;
  std::string source;
  std::string run_dir;
  bool has_objects = false;
  TaskId first_task;
  std::uint64_t task_count = 0;
  GroupId first_group;
  std::uint64_t group_count = 0;
};

enum class ProgramKind : std::uint8_t { command, argv, function };

struct Program {
  ProgramKind kind = ProgramKind::command;
  std::vector<std::string>
      words;  ///< the command text alone, the argv, or the function's label alone
};

struct Task {
  core::TaskSpec spec;
  SubmissionId submission;
  std::uint32_t ref = 0;
  std::int32_t object = -1;  ///< index into the submission's objects
  std::string name;
  std::string fullname;
  Program program;
  std::string directory;  ///< empty: the submission's
  std::vector<std::pair<std::string, std::string>>
      variables;                 ///< over the submission's environment
  std::optional<Mib> log_limit;  ///< of each log; 0: none; unset: the setting
};

struct Group {
  core::GroupSpec spec;
  SubmissionId submission;
  std::uint32_t ref = 0;
  std::int32_t object = -1;
  std::string name;
  std::string fullname;
};

struct Attempt {
  AttemptId id = {};
  Time started = {};
  Time ended = {};  ///< 0: it runs
  std::int32_t pid = 0;
  std::vector<std::uint16_t> devices = {};
  std::uint32_t host = 0;
  ExitStatus status = {};
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  std::int64_t max_rss_kib = 0;
};

/// A task as a list shows it.
struct TaskRow {
  Task task;
  core::TaskState state;
  std::int32_t pid = 0;  ///< of the last attempt
  bool hidden = false;
};

struct GroupRow {
  Group group;
  core::GroupState state;
};

/// Which tasks a list wants. All given conditions must hold; empty ones do not limit.
struct Filter {
  std::vector<TaskId> ids = {};
  std::vector<std::string> fullnames = {};  ///< of tasks, or of groups (then everything below them)
  std::string match = {};                   ///< RE2, found anywhere in fullnames
  std::vector<core::TaskStatus> statuses = {};
  std::vector<SubmissionId> submissions = {};
  Time ended_after = {};  ///< leaves out tasks that ended before
  bool hidden = false;    ///< removed ones too
  std::uint64_t limit = 1000;
};

struct Listing {
  std::vector<TaskRow> tasks;    ///< in the order of ids
  std::vector<GroupRow> groups;  ///< of the submissions that appear
  std::uint64_t truncated = 0;   ///< how many more there are
};

}  // namespace cattino::store
