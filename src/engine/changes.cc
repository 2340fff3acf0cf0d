// One transaction a turn.
#include "engine/changes.h"

namespace cattino::engine {

void Changes::put(TaskId task, const core::TaskState& state) {
  const auto [at, is_new] = index_.try_emplace(task, tasks_.size());
  if (is_new) {
    tasks_.emplace_back(task, state);
  } else {
    tasks_[at->second].second = state;
  }
}

void Changes::put(GroupId group, const core::GroupState& state) {
  groups_.emplace_back(group, state);
}

bool Changes::empty() const {
  return tasks_.empty() && groups_.empty() && starts_.empty() && pids_.empty() && ends_.empty() &&
         hidden_.empty() && facts_.empty();
}

Status Changes::put_all(store::Store& store) const {
  for (const auto& [task, state] : tasks_) {
    if (Status put = store.put(task, state); !put) {
      return put;
    }
  }
  for (const auto& [group, state] : groups_) {
    if (Status put = store.put(group, state); !put) {
      return put;
    }
  }
  for (const store::Attempt& start : starts_) {
    if (Status put = store.put_start(start); !put) {
      return put;
    }
  }
  for (const auto& [attempt, pid] : pids_) {
    if (ended_.contains(attempt.key())) {
      continue;  // the end carries it
    }
    if (Status put = store.put_pid(attempt, pid); !put) {
      return put;
    }
  }
  for (const store::Attempt& end : ends_) {
    if (Status put = store.put_end(end); !put) {
      return put;
    }
  }
  for (const TaskId task : hidden_) {
    if (Status put = store.hide(task); !put) {
      return put;
    }
  }
  for (const auto& [name, value] : facts_) {
    if (Status put = store.set_fact(name, value); !put) {
      return put;
    }
  }
  return ok();
}

Status Changes::write(store::Store& store) {
  const Status put = put_all(store);
  // What failed half-way is in the transaction still: committing it is right only if all of it is.
  const Status committed = store.commit();
  if (!put) {
    return put;
  }
  if (!committed) {
    return committed;
  }
  clear();
  return ok();
}

void Changes::clear() {
  tasks_.clear();
  index_.clear();
  groups_.clear();
  starts_.clear();
  pids_.clear();
  ends_.clear();
  ended_.clear();
  hidden_.clear();
  facts_.clear();
}

}  // namespace cattino::engine
