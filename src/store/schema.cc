// The schema, as a list of migrations: number n brings a database from version n to n + 1. One that
// was released is never changed.
//
// What is kept where, and why:
//   submissions  visibility 2: discarded before it was seen, or old history: its rows go a few at a time.
//                ended is NULL while a task has not ended or a hook is not over, so that what is live is
//                found by an index that a task's start or end does not touch.
//   tasks        fixed once staged. Ids of a submission are consecutive: a range stands for it.
//   states       only of tasks that have changed: one without a row waits as it did at first.
//   attempts     by AttemptId::key, so those of a task follow each other.
//   edges        thousands to a row.
//   marks        ids that were ever handed out are not above these; and how many tasks the history holds.
// Blobs are packed fields (pack.h, codec.h), which grow at their end without a migration.
#include "store/schema.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "store/check.h"
#include "store/sqlite.h"

namespace cattino::store {

namespace {

constexpr std::array migrations = {
    R"sql(
CREATE TABLE submissions(
  id INTEGER PRIMARY KEY,
  visibility INTEGER NOT NULL,  -- 0 staged, 1 visible, 2 discarded
  ended INTEGER,
  first_task INTEGER NOT NULL,
  task_count INTEGER NOT NULL,
  first_group INTEGER NOT NULL,
  group_count INTEGER NOT NULL,
  created INTEGER NOT NULL,
  environment INTEGER NOT NULL,
  key TEXT NOT NULL,
  run_dir TEXT NOT NULL,
  details BLOB NOT NULL);
CREATE INDEX submission_ended ON submissions(ended) WHERE visibility = 1;
CREATE INDEX submission_unseen ON submissions(visibility) WHERE visibility <> 1;
CREATE INDEX submission_key ON submissions(key) WHERE key <> '';
CREATE TABLE objects(submission INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE tasks(
  id INTEGER PRIMARY KEY,
  spec BLOB NOT NULL,
  fullname TEXT NOT NULL,
  details BLOB NOT NULL);
CREATE INDEX task_fullname ON tasks(fullname);
CREATE TABLE states(
  id INTEGER PRIMARY KEY,
  status INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  details BLOB NOT NULL);
CREATE TABLE hidden(id INTEGER PRIMARY KEY);
CREATE TABLE groups(
  id INTEGER PRIMARY KEY,
  submission INTEGER NOT NULL,
  phase INTEGER NOT NULL,
  spec BLOB NOT NULL,
  fullname TEXT NOT NULL);
CREATE TABLE edges(
  id INTEGER PRIMARY KEY,
  submission INTEGER NOT NULL,
  edges BLOB NOT NULL);
CREATE INDEX edge_submission ON edges(submission);
CREATE TABLE attempts(
  key INTEGER PRIMARY KEY,
  started INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  placement BLOB NOT NULL,
  outcome BLOB NOT NULL);
CREATE TABLE environments(
  id INTEGER PRIMARY KEY,
  hash INTEGER NOT NULL,
  variables BLOB NOT NULL);
CREATE INDEX environment_hash ON environments(hash);
CREATE TABLE facts(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE marks(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  submission INTEGER NOT NULL,
  task INTEGER NOT NULL,
  task_group INTEGER NOT NULL);
INSERT INTO marks VALUES(1, 0, 0, 0);
)sql",
    "ALTER TABLE groups ADD COLUMN state BLOB NOT NULL DEFAULT x'';",
    R"sql(
CREATE INDEX submission_environment ON submissions(environment);
ALTER TABLE marks ADD COLUMN environment INTEGER NOT NULL DEFAULT 0;
ALTER TABLE marks ADD COLUMN ended_tasks INTEGER NOT NULL DEFAULT 0;
UPDATE marks SET
  environment = (SELECT coalesce(max(id), 0) FROM environments),
  ended_tasks = (SELECT coalesce(sum(task_count), 0) FROM submissions
                 WHERE visibility = 1 AND ended IS NOT NULL);
)sql",
};

Error foreign(const Connection& connection) {
  return corrupt(fmt::format("{} is a database of another program", connection.path()));
}

Error newer(const Connection& connection, std::int64_t version) {
  return {
      .code = ErrorCode::unavailable,
      .message = fmt::format(
          "{} was written by a newer cattino (schema {}; this one knows {})",
          connection.path(),
          version,
          schema_version()),
      .hint = "upgrade cattino"};
}

// Whether it has nothing in it yet.
Result<bool> is_fresh(Connection& connection) {
  auto version = connection.number("PRAGMA user_version");
  if (!version) {
    return version.error();
  }
  auto tables = connection.number("SELECT count(*) FROM sqlite_master");
  if (!tables) {
    return tables.error();
  }
  return *version == 0 && *tables == 0;
}

using Declarations = std::vector<std::string>;

/// How tables and indexes are declared, as SQLite keeps it.
Result<Declarations> declarations(Connection& connection) {
  Statement query(
      connection,
      "SELECT type || ' ' || name || ' on ' || tbl_name || coalesce(': ' || sql, '') "
      "FROM sqlite_schema ORDER BY 1");
  Declarations found;
  Rows rows = query.with().rows();
  while (rows.next()) {
    found.emplace_back(rows.bytes(0));
  }
  const Status read = rows.status();
  return read ? Result<Declarations>(std::move(found)) : read.error();
}

/// All of a migration or nothing of it.
Status migrate_from(Connection& connection, std::size_t version) {
  Status done = connection.execute(fmt::format(
      "BEGIN IMMEDIATE; {} PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT;",
      migrations.at(version),
      application_id,
      version + 1));
  if (!done && connection.in_transaction()) {
    (void)connection.execute("ROLLBACK");
  }
  return done;
}

Status migrate(Connection& connection, std::int64_t from, std::int64_t to) {
  for (std::int64_t version = from; version < to; ++version) {
    if (Status done = migrate_from(connection, static_cast<std::size_t>(version)); !done) {
      return done;
    }
  }
  return ok();
}

/// No checksum guards what SQLite is told of its tables: a damaged byte there makes it read all rows in another
/// way, without an error. What somebody has added by hand does no harm.
Status check_declarations(Connection& connection, std::int64_t version) {
  auto model = Connection::open(":memory:", Connection::Mode::create);
  if (!model) {
    return model.error();
  }
  if (Status made = migrate(**model, 0, version); !made) {
    return made;
  }
  const Result<Declarations> wanted = declarations(**model);
  const Result<Declarations> found = declarations(connection);
  if (!wanted || !found) {
    return found ? wanted.error() : found.error();
  }
  return std::includes(found->begin(), found->end(), wanted->begin(), wanted->end())
             ? ok()
             : Status(corrupt(fmt::format(
                   "{} is damaged: its tables are not declared as they were", connection.path())));
}

}  // namespace

std::int64_t schema_version() {
  return migrations.size();
}

Status check_schema(Connection& connection) {
  auto owner = connection.number("PRAGMA application_id");
  if (!owner) {
    return owner.error();
  }
  if (*owner != application_id) {
    return foreign(connection);
  }
  auto version = connection.number("PRAGMA user_version");
  if (!version) {
    return version.error();
  }
  if (*version > schema_version()) {
    return newer(connection, *version);
  }
  if (*version < 1) {
    return corrupt(
        fmt::format("{} is damaged: there is no schema {}", connection.path(), *version));
  }
  return ok();
}

Status prepare_schema(Connection& connection, bool log_left) {
  connection.tidy_on_close(false);  // until we know that it is ours
  auto owner = connection.number("PRAGMA application_id");
  if (!owner) {
    return owner.error();
  }
  auto fresh = is_fresh(connection);
  if (!fresh) {
    return fresh.error();
  }
  const bool unmarked = *owner == 0 && *fresh;
  if (!unmarked) {
    if (Status ours = check_schema(connection); !ours) {
      return ours;
    }
    if (Status sound = check_if_suspect(connection, log_left); !sound) {
      return sound;
    }
  }
  auto version = connection.number("PRAGMA user_version");
  if (!version) {
    return version.error();
  }
  if (!unmarked) {
    if (Status sound = check_declarations(connection, *version); !sound) {
      return sound;
    }
  }
  connection.tidy_on_close(true);
  if (Status set = connection.execute(
          "PRAGMA auto_vacuum = NONE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
      !set) {
    return set;
  }
  return migrate(connection, *version, schema_version());
}

}  // namespace cattino::store
