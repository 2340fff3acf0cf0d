// Rows by id, over any connection: what the store and its readers share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/records.h"
#include "store/sqlite.h"

namespace cattino::store {

/// An Error of code `not_found`: "there is no task 12".
Error no_such(const char* what, std::uint64_t id);
/// An Error of code `corrupt` about a row.
Error bad_row(const char* what, std::uint64_t id);

bool is_status(std::int64_t number);
bool is_group_phase(std::int64_t number);

/// The ids that a query for a range promises: within it, each greater than the last. Damaged pages give
/// others.
class Ascending {
 public:
  Ascending(std::uint64_t first, std::uint64_t end) : next_(first), end_(end) {}
  bool take(std::uint64_t id) {
    const bool good = id >= next_ && id < end_;
    next_ = good ? id + 1 : next_;
    return good;
  }

 private:
  std::uint64_t next_;
  std::uint64_t end_;
};

class Lookup {
 public:
  explicit Lookup(Connection& connection);

  struct Found {
    Submission submission;
    bool visible = false;
    bool live = false;
  };
  Result<Found> submission(SubmissionId id);
  Result<std::vector<std::string>> environment(std::uint64_t id);
  Result<SubmissionId> submission_of(TaskId id);
  Result<Task> task(TaskId id);
  Result<core::TaskState> state(const core::TaskSpec& spec);
  Result<TaskRow> row(TaskId id);
  Result<GroupRow> group(GroupId id);
  Result<std::vector<GroupRow>> groups(GroupId first, std::uint64_t count);
  Result<std::vector<core::Edge>> edges(SubmissionId id);
  Result<std::vector<Attempt>> attempts(TaskId id);

 private:
  Result<std::int32_t> pid(AttemptId attempt);

  Statement submission_;
  Statement environment_;
  Statement task_;
  Statement state_;
  Statement is_hidden_;
  Statement groups_;
  Statement edges_;
  Statement attempts_;
  Statement pid_;
};

}  // namespace cattino::store
