// What a turn has to write: collected while the core steps, written in one transaction, kept whole if
// that fails. The last state of a task in a turn holds; a pid is not written when the end follows.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace cattino::engine {

class Changes {
 public:
  void put(TaskId task, const core::TaskState& state);
  void put(GroupId group, const core::GroupState& state);
  void put_start(store::Attempt attempt) { starts_.push_back(std::move(attempt)); }
  void put_pid(AttemptId attempt, std::int32_t pid) { pids_.emplace_back(attempt, pid); }
  /// `recorded`: the start was put before. Else this is all there will be.
  void put_end(store::Attempt attempt, bool recorded) {
    ended_.insert(attempt.id.key());
    (recorded ? ends_ : starts_).push_back(std::move(attempt));
  }
  void hide(TaskId task) { hidden_.push_back(task); }
  void set_fact(std::string name, std::string value) {
    facts_.emplace_back(std::move(name), std::move(value));
  }

  [[nodiscard]] bool empty() const;
  [[nodiscard]] const std::vector<std::pair<TaskId, core::TaskState>>& tasks() const {
    return tasks_;
  }

  /// Writes all and commits; empty afterwards, or as before with an error.
  Status write(store::Store& store);

 private:
  Status put_all(store::Store& store) const;
  void clear();

  std::vector<std::pair<TaskId, core::TaskState>> tasks_;
  std::unordered_map<TaskId, std::size_t> index_;  ///< into tasks_
  std::vector<std::pair<GroupId, core::GroupState>> groups_;
  std::vector<store::Attempt> starts_;
  std::vector<std::pair<AttemptId, std::int32_t>> pids_;
  std::vector<store::Attempt> ends_;
  std::unordered_set<std::uint64_t> ended_;  ///< keys of attempts that ended
  std::vector<TaskId> hidden_;
  std::vector<std::pair<std::string, std::string>> facts_;
};

}  // namespace cattino::engine
