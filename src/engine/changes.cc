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

namespace {

/// `put` for each, up to the first that fails.
template <class Items, class Put>
Status each_of(const Items& items, Put put) {
  for (const auto& item : items) {
    if (Status done = put(item); !done) {
      return done;
    }
  }
  return ok();
}

}  // namespace

Status Changes::put_all(store::Store& store) const {
  Status done =
      each_of(tasks_, [&](const auto& task) { return store.put(task.first, task.second); });
  if (done) {
    done =
        each_of(groups_, [&](const auto& group) { return store.put(group.first, group.second); });
  }
  if (done) {
    done = each_of(starts_, [&](const store::Attempt& start) { return store.put_start(start); });
  }
  if (done) {
    done = each_of(pids_, [&](const auto& pid) {
      const bool ended = ended_.contains(pid.first.key());  // the end carries it
      return ended ? ok() : store.put_pid(pid.first, pid.second);
    });
  }
  if (done) {
    done = each_of(ends_, [&](const store::Attempt& end) { return store.put_end(end); });
  }
  if (done) {
    done = each_of(hidden_, [&](TaskId task) { return store.hide(task); });
  }
  if (done) {
    done =
        each_of(facts_, [&](const auto& fact) { return store.set_fact(fact.first, fact.second); });
  }
  return done;
}

Status Changes::write(store::Store& store) {
  Status put = put_all(store);
  // What failed half-way is in the transaction still: committing it is right only if all of it is.
  Status committed = store.commit();
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
