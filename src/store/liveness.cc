// Which submissions are live, kept in memory.
#include "store/liveness.h"

#include <algorithm>
#include <iterator>

namespace cattino::store {

bool is_busy(core::GroupPhase phase) {
  return phase == core::GroupPhase::start_hook || phase == core::GroupPhase::end_hook;
}

Liveness::Entry& Liveness::add(const Submission& submission, bool stored) {
  Entry& entry = entries_[submission.id.value];
  entry.id = submission.id;
  entry.first_task = submission.first_task.value;
  entry.first_group = submission.first_group.value;
  entry.over.assign(submission.task_count, false);
  entry.open_tasks = submission.task_count;
  entry.latest = submission.created;
  entry.stored = stored;
  if (submission.task_count > 0) {
    by_first_task_[entry.first_task] = submission.id.value;
  }
  return entry;
}

void Liveness::note(Entry& entry) {
  if (!entry.is_noted && entry.live() != entry.stored) {
    entry.is_noted = true;
    noted_.push_back(entry.id.value);
  }
}

void Liveness::set(Entry& entry, TaskId task, const core::TaskState& state) {
  const bool is_over = core::has_ended(state.status) && state.phase == core::TaskPhase::none;
  const std::size_t index = task.value - entry.first_task;
  if (entry.over[index] != is_over) {
    entry.over[index] = is_over;
    entry.open_tasks += is_over ? std::uint64_t{0} - 1 : 1;
    note(entry);
  }
  entry.latest = std::max(entry.latest, state.ended);
}

void Liveness::set(Entry& entry, GroupId group, core::GroupPhase phase) {
  if (is_busy(phase)) {
    entry.busy_groups.insert(group.value);
  } else {
    entry.busy_groups.erase(group.value);
  }
  note(entry);
}

Liveness::Entry* Liveness::find(SubmissionId id) {
  const auto found = entries_.find(id.value);
  return found == entries_.end() ? nullptr : &found->second;
}

Liveness::Entry* Liveness::find(TaskId id) {
  const auto has = [id](const Entry& entry) {
    return id.value >= entry.first_task && id.value - entry.first_task < entry.over.size();
  };
  if (last_ != nullptr && has(*last_)) {
    return last_;
  }
  const auto after = by_first_task_.upper_bound(id.value);
  if (after == by_first_task_.begin()) {
    return nullptr;
  }
  Entry* entry = find(SubmissionId{std::prev(after)->second});
  if (entry == nullptr || !has(*entry)) {
    return nullptr;
  }
  last_ = entry;
  return entry;
}

void Liveness::drop(SubmissionId id) {
  const auto found = entries_.find(id.value);
  if (found == entries_.end()) {
    return;
  }
  const auto place = by_first_task_.find(found->second.first_task);
  if (place != by_first_task_.end() && place->second == id.value) {
    by_first_task_.erase(place);
  }
  entries_.erase(found);
  last_ = nullptr;
}

void Liveness::clear() {
  entries_.clear();
  by_first_task_.clear();
  noted_.clear();
  last_ = nullptr;
}

void Liveness::changed(const std::function<void(Entry&)>& each) {
  for (const std::uint64_t id : noted_) {
    Entry* entry = find(SubmissionId{id});
    if (entry != nullptr && entry->live() != entry->stored) {
      each(*entry);
    }
  }
}

void Liveness::settle() {
  for (const std::uint64_t id : noted_) {
    Entry* entry = find(SubmissionId{id});
    if (entry == nullptr) {
      continue;
    }
    entry->is_noted = false;
    entry->stored = entry->live();
    if (!entry->stored) {
      drop(SubmissionId{id});
    }
  }
  noted_.clear();
}

}  // namespace cattino::store
