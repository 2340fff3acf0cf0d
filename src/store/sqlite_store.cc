// The Store over SQLite: opening, transactions, ids, facts and single rows.
#include "store/sqlite_store.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/core.h>

#include "store/check.h"
#include "store/limits.h"
#include "store/schema.h"
#include "sys/clock.h"
#include "sys/faults.h"

namespace cattino::store {

namespace {

// FNV-1a. It is stored, so it must be the same everywhere and for ever.
std::uint64_t hash_of(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3U;
  }
  return hash;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& path, sys::Loop& loop) {
  if (Status usable = check_files(path); !usable) {
    return usable.error();
  }
  std::error_code none;
  const bool log_left = std::filesystem::exists(path + "-wal", none);
  auto connection = Connection::open(path, Connection::Mode::create);
  if (!connection) {
    return connection.error();
  }
  Connection& opened = **connection;
  opened.wait_when_busy(writer_patience_ms);
  if (Status ours = prepare_schema(opened, log_left); !ours) {
    return ours.error();
  }
  const std::string settings = fmt::format(
      "PRAGMA cache_size = -{}; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = OFF;",
      writer_cache_kib);
  if (Status set = opened.execute(settings); !set) {
    return set.error();
  }
  auto store = std::make_unique<SqliteStore>(std::move(*connection), loop);
  if (Status started = store->start(); !started) {
    return started.error();
  }
  return std::unique_ptr<Store>(std::move(store));
}

SqliteStore::SqliteStore(std::unique_ptr<Connection> connection, sys::Loop& loop)
    : connection_(std::move(connection)),
      lookup_(*connection_),
      durability_(connection_->path(), loop),
      begin_(*connection_, "BEGIN IMMEDIATE"),
      commit_(*connection_, "COMMIT"),
      put_marks_(
          *connection_,
          "UPDATE marks SET submission = ?, task = ?, task_group = ?, environment = ?,"
          " ended_tasks = ?"),
      put_ended_(*connection_, "UPDATE submissions SET ended = ? WHERE id = ?"),
      find_environment_(*connection_, "SELECT id, variables FROM environments WHERE hash = ?"),
      add_environment_(*connection_, "INSERT INTO environments VALUES(?, ?, ?)"),
      get_fact_(*connection_, "SELECT value FROM facts WHERE name = ?"),
      put_fact_(*connection_, "INSERT OR REPLACE INTO facts VALUES(?, ?)"),
      add_submission_(
          *connection_, "INSERT INTO submissions VALUES(?, 0, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      add_objects_(*connection_, "INSERT INTO objects VALUES(?, ?)"),
      add_group_(*connection_, "INSERT INTO groups VALUES(?, ?, 0, ?, ?, x'')"),
      add_task_(*connection_, "INSERT INTO tasks VALUES(?, ?, ?, ?)"),
      add_edges_(*connection_, "INSERT INTO edges(submission, edges) VALUES(?, ?)"),
      show_submission_(
          *connection_, "UPDATE submissions SET visibility = 1, run_dir = ? WHERE id = ?"),
      discard_submission_(*connection_, "UPDATE submissions SET visibility = 2 WHERE id = ?"),
      rename_task_(*connection_, "UPDATE tasks SET fullname = ?, details = ? WHERE id = ?"),
      find_key_(
          *connection_,
          "SELECT id FROM submissions WHERE key = ? AND key <> '' AND visibility = 1"),
      get_objects_(*connection_, "SELECT content FROM objects WHERE submission = ?"),
      next_unswept_(
          *connection_, "SELECT id FROM tasks WHERE id >= ? AND id < ? ORDER BY id LIMIT 1"),
      put_state_(*connection_, "INSERT OR REPLACE INTO states VALUES(?, ?, ?, ?)"),
      put_group_(*connection_, "UPDATE groups SET phase = ?, state = ? WHERE id = ?"),
      put_start_(*connection_, "INSERT OR REPLACE INTO attempts VALUES(?, ?, ?, ?, ?, ?)"),
      put_pid_(*connection_, "UPDATE attempts SET pid = ? WHERE key = ?"),
      put_end_(
          *connection_,
          "UPDATE attempts SET ended = ?, pid = coalesce(nullif(?, 0), pid), outcome = ?"
          " WHERE key = ?"),
      hide_(*connection_, "INSERT OR IGNORE INTO hidden VALUES(?)"),
      live_(
          *connection_,
          "SELECT id FROM submissions WHERE visibility = 1 AND ended IS NULL ORDER BY id"),
      specs_(*connection_, "SELECT id, spec FROM tasks WHERE id >= ? AND id < ? ORDER BY id"),
      states_(
          *connection_,
          "SELECT id, status, ended, details FROM states WHERE id >= ? AND id < ? ORDER BY id"),
      fullnames_(
          *connection_, "SELECT id, fullname FROM tasks WHERE id >= ? AND id < ? ORDER BY id") {}

// What was not committed goes; the rest is moved into the database, and the log is emptied.
SqliteStore::~SqliteStore() {
  if (connection_->in_transaction()) {
    (void)connection_->execute("ROLLBACK");
  }
  (void)connection_->checkpoint(Connection::Checkpoint::truncate);
}

Status SqliteStore::start() {
  Statement marks(
      *connection_, "SELECT submission, task, task_group, environment, ended_tasks FROM marks");
  {
    Rows rows = marks.with().rows();
    if (!rows.next()) {
      Status status = rows.status();
      return status ? bad_row("marks", 1) : status;
    }
    last_submission_ = rows.id(0);
    last_task_ = rows.id(1);
    last_group_ = rows.id(2);
    last_environment_ = rows.id(3);
    ended_tasks_ = committed_ended_ = rows.id(4);
  }
  if (Status used = note_boot(); !used) {
    return used;
  }
  auto staged = connection_->number("SELECT count(*) FROM submissions WHERE visibility <> 1");
  if (!staged) {
    return staged.error();
  }
  if (*staged == 0) {
    return ok();
  }
  Statement discard_all(*connection_, "UPDATE submissions SET visibility = 2 WHERE visibility = 0");
  if (Status done = write(discard_all.with()); !done) {
    return done;
  }
  if (Status done = find_discarded(); !done) {
    return done;
  }
  return commit();
}

Status SqliteStore::note_boot() {
  auto last = fact(boot_fact);
  if (!last || *last == sys::boot_id()) {
    return last ? ok() : Status(last.error());
  }
  Status noted = set_fact(boot_fact, sys::boot_id());
  Status committed = commit();
  return noted ? committed : noted;
}

// ---- transactions

Status SqliteStore::begin() {
  if (failed_) {
    return *failed_;
  }
  if (connection_->in_transaction()) {
    return ok();
  }
  Status begun = begin_.with().run();
  if (!begun) {
    failed_ = begun.error();
  }
  return begun;
}

Status SqliteStore::write(Statement& statement) {
  if (Status begun = begin(); !begun) {
    return begun;
  }
  Status done = statement.run();
  if (!done) {
    failed_ = done.error();
  }
  return done;
}

Status SqliteStore::write_marks() {
  if (!marks_moved_) {
    return ok();
  }
  return write(
      put_marks_.with(last_submission_, last_task_, last_group_, last_environment_, ended_tasks_));
}

Status SqliteStore::write_liveness() {
  Status all = ok();
  liveness_.changed([this, &all](Liveness::Entry& entry) {
    const std::int64_t ended = std::max<std::int64_t>(entry.latest.us, 1);
    ended_tasks_ += entry.live() ? 0 - std::uint64_t{entry.over.size()} : entry.over.size();
    marks_moved_ = true;
    Status done = entry.live() ? write(put_ended_.with(std::nullopt, entry.id.value))
                               : write(put_ended_.with(ended, entry.id.value));
    all = all ? done : all;
  });
  return all;
}

Status SqliteStore::commit() {
  if (!failed_ && !connection_->in_transaction()) {
    return ok();
  }
  if (sys::fault_fails("store.full")) {
    failed_ = Error{ErrorCode::unavailable, "a fault of a test: the disk is full"};
  }
  if (failed_ || !write_liveness() || !write_marks()) {
    return roll_back();
  }
  if (Status done = commit_.with().run(); !done) {
    failed_ = done.error();
    return roll_back();
  }
  marks_moved_ = false;
  committed_ended_ = ended_tasks_;
  ++transaction_;
  liveness_.settle();
  durability_.committed(connection_->log_pages());
  return ok();
}

// Nothing of the transaction is kept, so nothing that memory learnt from it may be either.
Status SqliteStore::roll_back() {
  Error error = *std::exchange(failed_, std::nullopt);
  if (error.code == ErrorCode::corrupt) {
    note_damage(connection_->path(), error.message);
  }
  if (connection_->in_transaction()) {
    (void)connection_->execute("ROLLBACK");
  }
  liveness_.clear();
  ended_tasks_ = committed_ended_;
  for (auto& [id, staging] : staging_) {
    staging.is_whole = staging.is_whole && staging.touched_in != transaction_;
  }
  ++transaction_;
  (void)find_discarded();
  error.message += "; nothing of what was to be stored with it was kept";
  return error;
}

void SqliteStore::sync(std::function<void(Status)> synced) {
  durability_.sync(std::move(synced));
}

// ---- ids and facts

SubmissionId SqliteStore::next_submission() {
  marks_moved_ = true;
  return SubmissionId{++last_submission_};
}

TaskId SqliteStore::reserve_tasks(std::uint64_t count) {
  marks_moved_ = true;
  last_task_ += count;
  return TaskId{last_task_ - count + 1};
}

GroupId SqliteStore::reserve_groups(std::uint64_t count) {
  marks_moved_ = true;
  last_group_ += count;
  return GroupId{last_group_ - count + 1};
}

void SqliteStore::skip(TaskId task, SubmissionId submission) {
  marks_moved_ = true;
  last_task_ = std::max(last_task_, task.value);
  last_submission_ = std::max(last_submission_, submission.value);
}

namespace {

/// The id of the row with these bytes; 0: none.
Result<std::uint64_t> id_with(Rows rows, std::string_view bytes) {
  while (rows.next()) {
    if (rows.bytes(1) == bytes) {
      return rows.id(0);
    }
  }
  const Status status = rows.status();
  return status ? Result<std::uint64_t>(0U) : Result<std::uint64_t>(status.error());
}

}  // namespace

Result<std::uint64_t> SqliteStore::intern_environment(const std::vector<std::string>& variables) {
  packer_.clear();
  packer_.texts(variables);
  const std::uint64_t hash = hash_of(packer_.bytes());
  Result<std::uint64_t> known = id_with(find_environment_.with(hash).rows(), packer_.bytes());
  if (!known || known.value() != 0) {
    return known;
  }
  const std::uint64_t id = ++last_environment_;
  marks_moved_ = true;
  if (Status done = write(add_environment_.with(id, hash, Blob{packer_.bytes()})); !done) {
    return done.error();
  }
  return id;
}

Result<std::vector<std::string>> SqliteStore::environment(std::uint64_t id) {
  return lookup_.environment(id);
}

Result<std::string> SqliteStore::fact(const std::string& name) {
  Rows rows = get_fact_.with(std::string_view(name)).rows();
  std::string value(rows.next() ? rows.bytes(0) : std::string_view());
  if (Status status = rows.status(); !status) {
    return status.error();
  }
  return value;
}

Status SqliteStore::set_fact(const std::string& name, const std::string& value) {
  return write(put_fact_.with(std::string_view(name), std::string_view(value)));
}

// ---- single rows

Result<Submission> SqliteStore::submission(SubmissionId id) {
  auto found = lookup_.submission(id);
  if (!found) {
    return found.error();
  }
  return std::move(found->submission);
}

Result<std::string> SqliteStore::objects(SubmissionId id) {
  Rows rows = get_objects_.with(id.value).rows();
  std::string content(rows.next() ? rows.bytes(0) : std::string_view());
  if (Status status = rows.status(); !status) {
    return status.error();
  }
  return content;
}

Result<Task> SqliteStore::task(TaskId id) {
  return lookup_.task(id);
}

Result<Group> SqliteStore::group(GroupId id) {
  auto found = lookup_.group(id);
  if (!found) {
    return found.error();
  }
  return std::move(found->group);
}

Result<std::vector<TaskRow>> SqliteStore::tasks_of(SubmissionId id) {
  auto found = lookup_.submission(id);
  if (!found) {
    return found.error();
  }
  std::vector<TaskRow> rows;
  const Submission& submission = found->submission;
  if (!are_handed_out(submission)) {
    return bad_row("submission", id.value);
  }
  rows.reserve(submission.task_count);
  for (std::uint64_t i = 0; i < submission.task_count; ++i) {
    auto row = lookup_.row(TaskId{submission.first_task.value + i});
    if (!row) {
      return row.error();
    }
    rows.push_back(std::move(*row));
  }
  return rows;
}

Result<std::vector<GroupRow>> SqliteStore::groups_of(SubmissionId id) {
  auto found = lookup_.submission(id);
  if (!found) {
    return found.error();
  }
  return lookup_.groups(found->submission.first_group, found->submission.group_count);
}

}  // namespace cattino::store
