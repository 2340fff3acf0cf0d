// Which submissions are live, kept in memory so that the end of a task is one bit and not a query. The
// store writes what came of it (submissions.ended) with the transaction that changed it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "store/records.h"

namespace cattino::store {

/// Whether a hook of the group runs.
bool is_busy(core::GroupPhase phase);

class Liveness {
 public:
  struct Entry {
    SubmissionId id;
    std::uint64_t first_task = 0;
    std::uint64_t first_group = 0;
    std::vector<bool> over;  ///< by task
    std::uint64_t open_tasks = 0;
    std::set<std::uint64_t> busy_groups;
    Time latest;            ///< end of a task, at least the creation
    bool stored = true;     ///< live, as the database has it
    bool is_noted = false;  ///< it is in the list for `settle`

    [[nodiscard]] bool live() const { return open_tasks > 0 || !busy_groups.empty(); }
  };

  /// A submission all of whose tasks are open and groups idle.
  Entry& add(const Submission& submission, bool stored);
  void set(Entry& entry, TaskId task, const core::TaskState& state);
  void set(Entry& entry, GroupId group, core::GroupPhase phase);
  /// Has a look whether its liveness is as stored.
  void note(Entry& entry);
  /// Null if it is not known here.
  Entry* find(SubmissionId id);
  Entry* find(TaskId id);
  void drop(SubmissionId id);
  void clear();

  /// Calls with each submission whose liveness is not as stored. Those must be written.
  void changed(const std::function<void(Entry&)>& each);
  /// It is written: forgets submissions that are over.
  void settle();

 private:
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::map<std::uint64_t, std::uint64_t> by_first_task_;  ///< → submission
  std::vector<std::uint64_t> noted_;
  Entry* last_ = nullptr;  ///< found by task
};

}  // namespace cattino::store
