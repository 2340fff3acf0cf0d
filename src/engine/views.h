// What the engine shows and is asked, as values without JSON: the server turns them into wire types.
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
#include "core/reason.h"
#include "core/task.h"
#include "engine/progress.h"
#include "store/records.h"

namespace cattino::engine {

/// A core::Reason with its words, and the fullnames of the tasks and groups it names (as long as
/// `data.nodes`). `kind` is the word of docs/protocol.md.
struct ReasonView {
  std::string kind;
  std::string text;
  core::Reason data;
  std::vector<std::string> names;
  std::string resume;  ///< what the user can resume, so that it can run; empty: nothing
};

struct TaskView {
  store::TaskRow row;
  std::string shown;                 ///< fullname, or fullname#id when the name has been given up
  std::string group;                 ///< fullname of its group, may be empty
  std::optional<ReasonView> reason;  ///< of a waiting task; or why it ended as it did
  std::vector<std::string> devices;  ///< names, of the last attempt
  std::string run_dir;               ///< of its submission
  std::string directory;             ///< its log directory
  std::string stdout_path;           ///< of the last attempt; empty before the first
  std::string stderr_path;
  std::optional<Progress>
      progress;  ///< of the last attempt; while it runs, and where all is told of it
};

struct GroupView {
  store::GroupRow row;
  std::string status;  ///< as of a task, or MultiStatus
  std::vector<std::pair<std::string, std::uint64_t>> counts;
};

struct ListView {
  std::vector<TaskView> tasks;
  std::vector<GroupView> groups;
  std::uint64_t truncated = 0;
  Time now;
};

struct AttemptView {
  store::Attempt attempt;
  std::vector<std::string> devices;
  std::string stdout_path;
  std::string stderr_path;
};

struct DetailView {
  TaskView task;
  std::vector<AttemptView> attempts;
  std::vector<std::string> needs;
  std::vector<std::string> needed_by;
  std::vector<std::pair<std::string, std::string>> environment;  ///< secrets masked
  store::Submission submission;
};

/// Which tasks a verb means.
struct Selection {
  std::vector<std::string> names;  ///< fullname of a task or group, name#id, #id
  std::string match;               ///< RE2 on fullnames
  bool all = false;                ///< everything the verb could change
};

struct ChangedTask {
  TaskId id;
  std::string fullname;
  core::TaskStatus status = core::TaskStatus::waiting;
  bool ending = false;  ///< it still runs, its end was asked for
};

struct UnchangedTask {
  std::string fullname;
  core::TaskStatus status = core::TaskStatus::waiting;
  std::string why;
};

struct Outcome {
  std::uint64_t count = 0;
  std::vector<ChangedTask> changed;      ///< at most 1000
  std::vector<UnchangedTask> unchanged;  ///< at most 1000
};

struct WaitView {
  int outcome = 0;              ///< exit status of `meow wait`, DESIGN §1.6
  std::vector<TaskView> tasks;  ///< the first 1000
  std::vector<TaskView> stuck;  ///< the first 1000
  std::vector<std::pair<std::string, std::uint64_t>> counts;  ///< of all, by status
};

struct SubmittedTask {
  std::uint32_t ref = 0;
  TaskId id;
  std::string fullname;
  core::TaskStatus status = core::TaskStatus::waiting;
  std::optional<ReasonView> reason;
  std::vector<std::string> devices;  ///< names, that a running one holds
};

struct SubmissionView {
  SubmissionId id;
  std::string run_dir;
  TaskId first_task;
  std::uint64_t count = 0;
  std::vector<SubmittedTask> tasks;  ///< the first 100
};

struct DeviceView {
  core::Device device;
  Mib claimed;
  Mib free;
  std::vector<std::string> tasks;
};

struct DevicesView {
  core::Host host;
  std::string error;
  std::vector<DeviceView> devices;
};

/// One change, for followers.
struct FeedItem {
  std::uint64_t seq = 0;
  Time at;
  std::string event;  ///< word of docs/protocol.md, GET /v1/feed
  TaskId task;        ///< 0: not about a task
  std::string fullname;
  core::TaskStatus status = core::TaskStatus::waiting;
  std::uint32_t attempt = 0;
  std::vector<std::string> devices;
  ExitStatus exit;
  std::string reason;
  std::string text;  ///< a line for people; what a hook printed
};

/// A process that the supervisor has and the state does not know: the state is another one than that under
/// which it was started.
struct UnknownView {
  AttemptId attempt;
  std::int32_t pid = 0;
  Time started;
};

struct HealthView {
  std::int64_t guardian = 0;
  std::int64_t supervisor = 0;
  Time started;
  std::string home;
  std::string state;
  std::uint64_t waiting = 0;
  std::uint64_t running = 0;
  std::vector<UnknownView> unknown;
};

}  // namespace cattino::engine
