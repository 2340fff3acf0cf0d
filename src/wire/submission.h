// POST /v1/submissions: its lines, and its answer.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "wire/common.h"
#include "wire/tasks.h"

namespace cattino::wire {

struct Submission {
  std::uint64_t groups = 0;
  std::uint64_t tasks = 0;
  std::string cwd;
  Dictionary<std::string> environment;
  std::optional<std::uint32_t> umask;              ///< absent: 022
  Dictionary<std::array<std::int64_t, 2>> limits;  ///< "nofile": [soft, hard], -1: unlimited
  std::optional<std::string> interpreter;
  std::vector<std::string> python_path;
  std::optional<std::string> source;
  std::optional<std::string> on_conflict;
  std::optional<std::string> date_format;
  std::optional<std::string> key;
};

/// The pickle, decoded.
struct Objects {
  std::string pickle;
};

struct NewGroup {
  std::uint32_t ref = 0;
  std::string name;
  std::optional<std::uint32_t> parent;
  std::vector<std::string> hooks;
  std::optional<std::int32_t> object;
  std::optional<std::string> label;
  std::optional<std::uint32_t> max_parallel;
};

struct NewTask {
  std::uint32_t ref = 0;
  std::string name;
  std::optional<std::uint32_t> group;
  std::optional<std::string> command;
  std::optional<std::vector<std::string>> argv;
  std::optional<std::string> function;
  std::optional<Request> request;
  std::optional<std::int32_t> priority;
  std::optional<std::string> cwd;
  Dictionary<std::string> env;
  std::vector<std::string> hooks;
  std::optional<std::int32_t> object;
  std::optional<bool> cascade;
  std::optional<std::uint32_t> retries;
  std::optional<std::vector<RetryEnd>> retry_on;
  std::optional<Milliseconds> backoff;
  std::optional<Milliseconds> longest_backoff;
  std::optional<Factor> oom_growth;
  std::optional<Milliseconds> not_before;
  std::optional<bool> held;
  std::optional<bool> preemptible;
  std::optional<Mib> log_limit;
};

enum class When : std::uint8_t { ok, any, fail };

struct Edge {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  When when = When::ok;
};

struct End {
  std::uint64_t edges = 0;
};

using SubmissionLine = std::variant<Submission, Objects, NewGroup, NewTask, Edge, End>;

/// Reads one line after the other, and keeps its memory between them. The path in an error begins with
/// the line's key: "task.request.min_devices".
class LineReader {
 public:
  LineReader();
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  Result<SubmissionLine> read(std::string_view line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One line of a submission, without its newline; bytes that are no UTF-8 are kept.
std::string to_line(const SubmissionLine& line);

struct SubmittedTask {
  std::uint32_t ref = 0;
  std::uint64_t id = 0;
  std::string fullname;
  std::string status;
  Nullable<Reason> reason;
  std::vector<std::string> devices;  ///< names, that a running one holds
};

struct SubmissionAnswer {
  std::uint64_t id = 0;
  std::string run_dir;
  std::uint64_t first_task = 0;
  std::uint64_t count = 0;
  std::vector<SubmittedTask> tasks;  ///< the first 100
};

}  // namespace cattino::wire
