// The Store over SQLite: new work, staged in pieces until it is made visible or discarded.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "store/codec.h"
#include "store/limits.h"
#include "store/sqlite_store.h"

namespace cattino::store {

namespace {

Error out_of_range(const char* what, std::uint64_t id, SubmissionId submission) {
  return {
      .code = ErrorCode::internal,
      .message = fmt::format(
          "{} {} is not one of those set aside for submission {}", what, id, submission.value)};
}

bool is_within(std::uint64_t id, std::uint64_t first, std::uint64_t count) {
  return id >= first && id - first < count;
}

}  // namespace

SqliteStore::Staging* SqliteStore::staging_of(SubmissionId id) {
  if (last_staging_ != nullptr && last_staging_->submission.id == id) {
    return last_staging_;
  }
  const auto found = staging_.find(id.value);
  if (found == staging_.end()) {
    return nullptr;
  }
  last_staging_ = &found->second;
  return last_staging_;
}

Status SqliteStore::stage(const Submission& submission, const std::string& objects) {
  packer_.clear();
  pack_submission(submission, packer_);
  Status done = write(add_submission_.with(
      submission.id.value,
      submission.first_task.value,
      submission.task_count,
      submission.first_group.value,
      submission.group_count,
      submission.created.us,
      submission.environment,
      std::string_view(submission.key),
      std::string_view(submission.run_dir),
      Blob{packer_.bytes()}));
  if (done && !objects.empty()) {
    done = write(add_objects_.with(submission.id.value, Blob{objects}));
  }
  if (done) {
    staging_[submission.id.value] = Staging{.submission = submission, .touched_in = transaction_};
    liveness_.add(submission, true);
  }
  return done;
}

Status SqliteStore::stage(const Group& group) {
  Staging* staging = staging_of(group.submission);
  if (staging == nullptr) {
    return no_such("staged submission", group.submission.value);
  }
  const Submission& submission = staging->submission;
  const std::uint64_t id = group.spec.id.value;
  if (!is_within(id, submission.first_group.value, submission.group_count)) {
    return out_of_range("group", id, submission.id);
  }
  packer_.clear();
  pack_group(group, packer_);
  ++staging->groups;
  staging->touched_in = transaction_;
  return write(add_group_.with(
      id, submission.id.value, Blob{packer_.bytes()}, std::string_view(group.fullname)));
}

Status SqliteStore::stage(const Task& task) {
  Staging* staging = staging_of(task.submission);
  if (staging == nullptr) {
    return no_such("staged submission", task.submission.value);
  }
  const Submission& submission = staging->submission;
  const std::uint64_t id = task.spec.id.value;
  if (!is_within(id, submission.first_task.value, submission.task_count)) {
    return out_of_range("task", id, submission.id);
  }
  packer_.clear();
  pack_spec(task, packer_);
  second_packer_.clear();
  pack_details(task, second_packer_);
  ++staging->tasks;
  staging->touched_in = transaction_;
  return write(add_task_.with(
      id, Blob{packer_.bytes()}, std::string_view(task.fullname), Blob{second_packer_.bytes()}));
}

Status SqliteStore::stage(SubmissionId submission, const std::vector<core::Edge>& edges) {
  Staging* staging = staging_of(submission);
  if (staging == nullptr) {
    return no_such("staged submission", submission.value);
  }
  staging->touched_in = transaction_;
  for (std::size_t first = 0; first < edges.size(); first += edges_per_chunk) {
    packer_.clear();
    pack_edges(edges.data() + first, std::min(edges_per_chunk, edges.size() - first), packer_);
    if (Status done = write(add_edges_.with(submission.value, Blob{packer_.bytes()})); !done) {
      return done;
    }
  }
  return ok();
}

Status SqliteStore::make_visible(SubmissionId id, const std::string& run_dir) {
  Staging* staging = staging_of(id);
  if (staging == nullptr) {
    return no_such("staged submission", id.value);
  }
  const Submission& submission = staging->submission;
  if (!staging->is_whole) {
    return Error{
        .code = ErrorCode::unavailable,
        .message = "a part of the submission could not be stored",
        .hint = "submit it again"};
  }
  if (staging->tasks != submission.task_count || staging->groups != submission.group_count) {
    return Error{
        .code = ErrorCode::invalid,
        .message = fmt::format(
            "{} of {} tasks and {} of {} groups came",
            staging->tasks,
            submission.task_count,
            staging->groups,
            submission.group_count)};
  }
  auto taken = submission_of_key(submission.key);
  if (!taken) {
    return taken.error();
  }
  if (*taken) {
    return Error{
        .code = ErrorCode::conflict,
        .message = fmt::format("submission {} was taken with the same key", taken->value),
        .field = "submission.key"};
  }
  if (Status done = write(show_submission_.with(std::string_view(run_dir), id.value)); !done) {
    return done;
  }
  staging_.erase(id.value);
  last_staging_ = nullptr;
  auto entry = entry_of(id);
  if (!entry) {
    return entry.error();
  }
  liveness_.note(**entry);  // one without tasks is over at once
  return ok();
}

Status SqliteStore::rename_staged(
    TaskId task, const std::string& name, const std::string& fullname) {
  auto found = lookup_.task(task);
  if (!found) {
    return found.error();
  }
  if (staging_of(found->submission) == nullptr) {
    return Error{
        .code = ErrorCode::conflict,
        .message = fmt::format("task {} is not staged any more", task.value)};
  }
  found->name = name;
  found->fullname = fullname;
  packer_.clear();
  pack_details(*found, packer_);
  return write(rename_task_.with(std::string_view(fullname), Blob{packer_.bytes()}, task.value));
}

Result<SubmissionId> SqliteStore::submission_of_key(const std::string& key) {
  if (key.empty()) {
    return SubmissionId{};
  }
  Rows rows = find_key_.with(std::string_view(key)).rows();
  const SubmissionId id{rows.next() ? rows.id(0) : 0};
  if (Status status = rows.status(); !status) {
    return status.error();
  }
  return id;
}

}  // namespace cattino::store
