// SQLite, wrapped once. The only file that includes its header, but for one of the tests' (faulty_files.cc).
#include "store/sqlite.h"

#include <array>
#include <cerrno>
#include <utility>

#include <fmt/core.h>
#include <sqlite3.h>

#include "store/check.h"
#include "store/faulty_files.h"

namespace cattino::store {

namespace {

int note_log_pages(void* pages, sqlite3* /*connection*/, const char* /*name*/, int count) {
  *static_cast<std::int64_t*>(pages) = count;
  return SQLITE_OK;
}

}  // namespace

Connection::Connection(std::string path) : path_(std::move(path)) {}

Connection::~Connection() {
  sqlite3_close_v2(handle_);
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Mode mode) {
  std::unique_ptr<Connection> connection(new Connection(path));
  int flags = SQLITE_OPEN_NOMUTEX;
  flags |= mode == Mode::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  flags |= mode == Mode::create ? SQLITE_OPEN_CREATE : 0;
  const int code = sqlite3_open_v2(path.c_str(), &connection->handle_, flags, faulty_files());
  if (code != SQLITE_OK) {
    return connection->error(code);
  }
  sqlite3_extended_result_codes(connection->handle_, 1);
  return connection;
}

Status Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return error(code);
  }
  return ok();
}

Result<std::int64_t> Connection::number(const char* sql) {
  Statement statement(*this, sql);
  Rows rows = statement.with().rows();
  const std::int64_t value = rows.next() ? rows.number(0) : 0;
  if (Status status = rows.status(); !status) {
    return status.error();
  }
  return value;
}

Result<Connection::Log> Connection::checkpoint(Checkpoint mode) {
  static constexpr std::array<int, 3> modes = {
      SQLITE_CHECKPOINT_PASSIVE, SQLITE_CHECKPOINT_RESTART, SQLITE_CHECKPOINT_TRUNCATE};
  int pages = 0;
  int moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(
      handle_, nullptr, modes[static_cast<std::size_t>(mode)], &pages, &moved);
  if (code != SQLITE_OK) {
    return error(code);
  }
  return Log{pages, moved};
}

void Connection::tidy_on_close(bool tidy) {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, tidy ? 0 : 1, nullptr);
}

void Connection::wait_when_busy(int patience_ms) {
  sqlite3_busy_timeout(handle_, patience_ms);
  // A hook of our own instead of SQLite's, which would checkpoint inside of a commit.
  sqlite3_wal_hook(handle_, note_log_pages, &log_pages_);
}

void Connection::release_memory() {
  sqlite3_db_release_memory(handle_);
}

std::int64_t Connection::changed_rows() const {
  return sqlite3_changes64(handle_);
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

namespace {

Error full_disk(const std::string& path) {
  return {
      .code = ErrorCode::unavailable,
      .message = fmt::format("no space left on the disk of {}", path),
      .hint = "make room on that filesystem: work goes on by itself then"};
}

/// `number` is 0 where SQLite does not keep it: at a COMMIT.
Error failed_access(const std::string& path, int number, const std::string& said) {
  if (number == ENOSPC || number == EDQUOT) {
    return full_disk(path);
  }
  Error failed = system_error("access", path, number);
  if (number == 0) {
    failed.message = fmt::format("cannot access {}: {}", path, said);
  }
  failed.code = ErrorCode::unavailable;
  return failed;
}

}  // namespace

Error Connection::error(int code) const {
  const std::string said = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return full_disk(path_);
    case SQLITE_IOERR:
      return failed_access(path_, handle_ == nullptr ? 0 : sqlite3_system_errno(handle_), said);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return corrupt(fmt::format("{} is damaged: {}", path_, said));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {
          .code = ErrorCode::unavailable,
          .message = fmt::format("another process keeps {} locked", path_)};
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {
          .code = ErrorCode::system,
          .message = fmt::format("cannot open {} for writing: {}", path_, said)};
    case SQLITE_TOOBIG:
      return {.code = ErrorCode::too_large, .message = "a stored value is over 1 GB"};
    default:
      return {
          .code = ErrorCode::internal,
          .message = fmt::format("a query of {} failed: {} (code {})", path_, said, code)};
  }
}

Statement::Statement(Connection& connection, const char* sql)
    : connection_(connection), sql_(sql) {}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

void Statement::prepare() {
  code_ = SQLITE_OK;
  if (handle_ == nullptr) {
    note(sqlite3_prepare_v3(
        connection_.handle_, sql_, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr));
  }
}

void Statement::note(int code) {
  if (code_ == SQLITE_OK) {
    code_ = code;
  }
}

void Statement::bind_number(int index, std::int64_t value) {
  note(sqlite3_bind_int64(handle_, index, value));
}

void Statement::bind(int index, std::nullopt_t /*null*/) {
  note(sqlite3_bind_null(handle_, index));
}

void Statement::bind(int index, std::string_view text) {
  const char* bytes = text.data() == nullptr ? "" : text.data();
  note(sqlite3_bind_text64(handle_, index, bytes, text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind(int index, Blob blob) {
  const char* bytes = blob.bytes.data() == nullptr ? "" : blob.bytes.data();
  note(sqlite3_bind_blob64(handle_, index, bytes, blob.bytes.size(), SQLITE_STATIC));
}

Status Statement::run() {
  if (code_ != SQLITE_OK) {
    return connection_.error(code_);
  }
  int code = sqlite3_step(handle_);
  while (code == SQLITE_ROW) {
    code = sqlite3_step(handle_);
  }
  if (code == SQLITE_DONE) {
    sqlite3_reset(handle_);
    return ok();
  }
  Error failed = connection_.error(code);  // before the reset, which says it again
  sqlite3_reset(handle_);
  return failed;
}

Rows Statement::rows() {
  return Rows(*this);
}

Rows::~Rows() {
  sqlite3_reset(statement_.handle_);
}

bool Rows::next() {
  if (statement_.code_ != SQLITE_OK) {
    code_ = statement_.code_;
    return false;
  }
  const int code = sqlite3_step(statement_.handle_);
  if (code == SQLITE_ROW) {
    return true;
  }
  code_ = code == SQLITE_DONE ? SQLITE_OK : code;
  return false;
}

Status Rows::status() const {
  if (code_ != SQLITE_OK) {
    return statement_.connection_.error(code_);
  }
  return ok();
}

std::int64_t Rows::number(int column) const {
  return sqlite3_column_int64(statement_.handle_, column);
}

bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_.handle_, column) == SQLITE_NULL;
}

std::string_view Rows::bytes(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.handle_, column);
  const int size = sqlite3_column_bytes(statement_.handle_, column);
  if (bytes == nullptr) {
    return {};
  }
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

}  // namespace cattino::store
