// SQLite, wrapped once: a connection, a prepared statement, its rows. Each is used by one thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace cattino::store {

/// Bytes, as opposed to text.
struct Blob {
  std::string_view bytes;
};

class Connection {
 public:
  enum class Mode { create, write, read };
  enum class Checkpoint { passive, restart, truncate };
  struct Log {
    std::int64_t pages = 0;  ///< in the log
    std::int64_t moved = 0;  ///< of these, pages that are in the database
  };

  static Result<std::unique_ptr<Connection>> open(const std::string& path, Mode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs one or more statements that give no rows.
  Status execute(const std::string& sql);
  /// The first column of the first row of a query; 0 without a row.
  Result<std::int64_t> number(const char* sql);
  Result<Log> checkpoint(Checkpoint mode);
  /// Whether closing the last connection may move the log into the database and delete it.
  void tidy_on_close(bool tidy);
  void wait_when_busy(int patience_ms);
  void release_memory();
  /// Pages in the log after the last commit of this connection.
  [[nodiscard]] std::int64_t log_pages() const { return log_pages_; }
  /// Rows that the last statement changed.
  [[nodiscard]] std::int64_t changed_rows() const;
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] const std::string& path() const { return path_; }

  /// What a failed call means to the one who asked.
  [[nodiscard]] Error error(int code) const;

 private:
  friend class Statement;
  explicit Connection(std::string path);

  std::string path_;
  sqlite3* handle_ = nullptr;
  std::int64_t log_pages_ = 0;
};

class Rows;

/// A statement that is prepared when it is first used.
class Statement {
 public:
  Statement(Connection& connection, const char* sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Binds all parameters, in their order. Text and blobs must live until the statement has run.
  template <class... Values>
  Statement& with(const Values&... values) {
    prepare();
    int index = 0;
    (bind(++index, values), ...);
    return *this;
  }

  /// Runs it to its end; rows are not wanted.
  Status run();
  /// Its rows, one after the other; it is over when they are destroyed.
  Rows rows();

 private:
  friend class Rows;
  void prepare();
  void note(int code);
  void bind_number(int index, std::int64_t value);
  template <std::integral T>
  void bind(int index, T value) {
    bind_number(index, static_cast<std::int64_t>(value));
  }
  void bind(int index, std::nullopt_t null);
  void bind(int index, std::string_view text);
  void bind(int index, Blob blob);

  Connection& connection_;
  const char* sql_;
  sqlite3_stmt* handle_ = nullptr;
  int code_ = 0;
};

class Rows {
 public:
  explicit Rows(Statement& statement) : statement_(statement) {}
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  /// Goes to the next row; false at the end, and after a failure.
  bool next();
  [[nodiscard]] Status status() const;

  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] std::uint64_t id(int column) const {
    return static_cast<std::uint64_t>(number(column));
  }
  [[nodiscard]] bool is_null(int column) const;
  /// Valid until `next`.
  [[nodiscard]] std::string_view bytes(int column) const;

 private:
  Statement& statement_;
  int code_ = 0;
};

}  // namespace cattino::store
