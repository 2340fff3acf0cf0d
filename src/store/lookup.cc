// Rows by id, over any connection.
#include "store/lookup.h"

#include <fmt/core.h>

#include "store/check.h"
#include "store/codec.h"
#include "store/limits.h"

namespace cattino::store {

namespace {

bool is_id_range(std::uint64_t first, std::uint64_t count) {
  return count == 0 || (first > 0 && count <= ids_of_submission_max && first <= id_max - count);
}

}  // namespace

bool is_status(std::int64_t number) {
  return number >= 0 && number <= static_cast<std::int64_t>(core::TaskStatus::cancelled);
}

bool is_group_phase(std::int64_t number) {
  return number >= 0 && number <= static_cast<std::int64_t>(core::GroupPhase::start_failed);
}

Error no_such(const char* what, std::uint64_t id) {
  return {.code = ErrorCode::not_found, .message = fmt::format("there is no {} {}", what, id)};
}

Error bad_row(const char* what, std::uint64_t id) {
  return corrupt(fmt::format("the stored row of {} {} is damaged", what, id));
}

Lookup::Lookup(Connection& connection)
    : submission_(
          connection,
          "SELECT visibility, ended, first_task, task_count, first_group, group_count, created,"
          " environment, key, run_dir, details FROM submissions WHERE id = ?"),
      environment_(connection, "SELECT variables FROM environments WHERE id = ?"),
      task_(connection, "SELECT spec, fullname, details FROM tasks WHERE id = ?"),
      state_(connection, "SELECT status, ended, details FROM states WHERE id = ?"),
      is_hidden_(connection, "SELECT 1 FROM hidden WHERE id = ?"),
      groups_(
          connection,
          "SELECT id, submission, phase, spec, fullname, state FROM groups WHERE id >= ? AND id < ?"
          " ORDER BY id"),
      edges_(connection, "SELECT edges FROM edges WHERE submission = ? ORDER BY id"),
      attempts_(
          connection,
          "SELECT key, started, ended, pid, placement, outcome FROM attempts"
          " WHERE key >= ? AND key < ? ORDER BY key"),
      pid_(connection, "SELECT pid FROM attempts WHERE key = ?") {}

Result<Lookup::Found> Lookup::submission(SubmissionId id) {
  Rows rows = submission_.with(id.value).rows();
  if (!rows.next()) {
    Status status = rows.status();
    return status ? no_such("submission", id.value) : status.error();
  }
  Found found;
  found.visible = rows.number(0) == 1;
  found.live = rows.is_null(1);
  Submission& submission = found.submission;
  submission.id = id;
  submission.first_task.value = rows.id(2);
  submission.task_count = rows.id(3);
  submission.first_group.value = rows.id(4);
  submission.group_count = rows.id(5);
  submission.created.us = rows.number(6);
  submission.environment = rows.id(7);
  submission.key = rows.bytes(8);
  submission.run_dir = rows.bytes(9);
  if (!unpack_submission(rows.bytes(10), submission) ||
      !is_id_range(submission.first_task.value, submission.task_count) ||
      !is_id_range(submission.first_group.value, submission.group_count)) {
    return bad_row("submission", id.value);
  }
  return found;
}

Result<std::vector<std::string>> Lookup::environment(std::uint64_t id) {
  Rows rows = environment_.with(id).rows();
  if (!rows.next()) {
    Status status = rows.status();
    return status ? no_such("environment", id) : status.error();
  }
  Unpacker in(rows.bytes(0));
  std::vector<std::string> variables = in.texts();
  if (!in.ok()) {
    return bad_row("environment", id);
  }
  return variables;
}

Result<SubmissionId> Lookup::submission_of(TaskId id) {
  Rows rows = task_.with(id.value).rows();
  if (!rows.next()) {
    Status status = rows.status();
    return status ? no_such("task", id.value) : status.error();
  }
  core::TaskSpec spec;
  SubmissionId submission;
  if (!unpack_spec(rows.bytes(0), spec, submission)) {
    return bad_row("task", id.value);
  }
  return submission;
}

Result<Task> Lookup::task(TaskId id) {
  Rows rows = task_.with(id.value).rows();
  if (!rows.next()) {
    Status status = rows.status();
    return status ? no_such("task", id.value) : status.error();
  }
  Task task;
  task.spec.id = id;
  if (!unpack_spec(rows.bytes(0), task.spec, task.submission) ||
      !unpack_details(rows.bytes(2), rows.bytes(1), task)) {
    return bad_row("task", id.value);
  }
  return task;
}

Result<core::TaskState> Lookup::state(const core::TaskSpec& spec) {
  Rows rows = state_.with(spec.id.value).rows();
  core::TaskState state = core::first_state(spec);
  if (!rows.next()) {
    Status status = rows.status();
    if (!status) {
      return status.error();
    }
    return state;
  }
  state.status = static_cast<core::TaskStatus>(rows.number(0));
  state.ended.us = rows.number(1);
  if (!is_status(rows.number(0)) || !unpack_state(rows.bytes(2), state)) {
    return bad_row("task", spec.id.value);
  }
  return state;
}

Result<TaskRow> Lookup::row(TaskId id) {
  auto task = this->task(id);
  if (!task) {
    return task.error();
  }
  auto state = this->state(task->spec);
  if (!state) {
    return state.error();
  }
  auto process = pid(AttemptId{id, state->attempt});
  if (!process) {
    return process.error();
  }
  Rows rows = is_hidden_.with(id.value).rows();
  const bool hidden = rows.next();
  if (Status status = rows.status(); !status) {
    return status.error();
  }
  return TaskRow{std::move(*task), std::move(*state), *process, hidden};
}

Result<std::int32_t> Lookup::pid(AttemptId attempt) {
  if (attempt.number == 0) {
    return 0;
  }
  Rows rows = pid_.with(attempt.key()).rows();
  const auto pid = rows.next() ? static_cast<std::int32_t>(rows.number(0)) : 0;
  if (Status status = rows.status(); !status) {
    return status.error();
  }
  return pid;
}

Result<GroupRow> Lookup::group(GroupId id) {
  auto found = groups(id, 1);
  if (!found) {
    return found.error();
  }
  if (found->empty()) {
    return no_such("group", id.value);
  }
  return std::move(found->front());
}

Result<std::vector<GroupRow>> Lookup::groups(GroupId first, std::uint64_t count) {
  std::vector<GroupRow> found;
  if (count == 0) {
    return found;
  }
  const std::uint64_t end = first.value + count;
  Ascending ids(first.value, end);
  Rows rows = groups_.with(first.value, end).rows();
  while (rows.next()) {
    GroupRow& row = found.emplace_back();
    row.group.spec.id.value = rows.id(0);
    row.group.submission.value = rows.id(1);
    row.state.phase = static_cast<core::GroupPhase>(rows.number(2));
    if (!ids.take(rows.id(0)) || !is_group_phase(rows.number(2)) ||
        !unpack_group(rows.bytes(3), rows.bytes(4), row.group) ||
        !unpack_group_state(rows.bytes(5), row.state)) {
      return bad_row("group", row.group.spec.id.value);
    }
  }
  if (Status status = rows.status(); !status) {
    return status.error();
  }
  return found;
}

Result<std::vector<core::Edge>> Lookup::edges(SubmissionId id) {
  std::vector<core::Edge> edges;
  Rows rows = edges_.with(id.value).rows();
  while (rows.next()) {
    if (!unpack_edges(rows.bytes(0), edges)) {
      return bad_row("the edges of submission", id.value);
    }
  }
  if (Status status = rows.status(); !status) {
    return status.error();
  }
  return edges;
}

Result<std::vector<Attempt>> Lookup::attempts(TaskId id) {
  std::vector<Attempt> found;
  const std::uint64_t first = AttemptId{id, 0}.key();
  const std::uint64_t end = AttemptId{TaskId{id.value + 1}, 0}.key();
  Rows rows = attempts_.with(first, end).rows();
  while (rows.next()) {
    Attempt& attempt = found.emplace_back();
    attempt.id = AttemptId::from_key(rows.id(0));
    attempt.started.us = rows.number(1);
    attempt.ended.us = rows.number(2);
    attempt.pid = static_cast<std::int32_t>(rows.number(3));
    if (!unpack_placement(rows.bytes(4), attempt) || !unpack_outcome(rows.bytes(5), attempt)) {
      return bad_row("an attempt of task", id.value);
    }
  }
  if (Status status = rows.status(); !status) {
    return status.error();
  }
  return found;
}

}  // namespace cattino::store
