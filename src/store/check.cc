// Files that are not ours, or are damaged.
#include "store/check.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/limits.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/files.h"

namespace cattino::store {

namespace {

/// The header of a database, as https://www.sqlite.org/fileformat2.html has it.
constexpr std::size_t header_size = 100;
constexpr std::size_t application_at = 68;
constexpr std::string_view magic("SQLite format 3\0", 16);

/// What lies beside a database and belongs to it, the database itself first: should a move be cut short,
/// none is opened without its log.
constexpr std::array companions = {"", "-wal", "-shm", "-journal", "-suspect"};

std::string suspicion(const std::string& path) {
  return path + "-suspect";
}

/// 0 if it is not there.
std::int64_t size_of(const std::string& path) {
  struct stat there = {};
  return stat(path.c_str(), &there) == 0 ? there.st_size : 0;
}

bool is_there(const std::string& path) {
  struct stat there = {};
  return lstat(path.c_str(), &there) == 0;
}

std::uint32_t application_in(std::string_view header) {
  std::uint32_t value = 0;
  for (const char byte : header.substr(application_at, sizeof value)) {
    value = value << 8U | static_cast<std::uint8_t>(byte);
  }
  return value;
}

}  // namespace

Error corrupt(std::string message) {
  return {
      .code = ErrorCode::corrupt,
      .message = std::move(message),
      .hint =
          "it was left as it is, and tasks that run go on; `meow test --set-aside` renames it and "
          "starts afresh, or choose another CATTINO_HOME"};
}

Status check_files(const std::string& path) {
  const std::int64_t size = size_of(path);
  if (size == 0 && size_of(path + "-wal") > 0) {
    return corrupt(
        fmt::format("{} is {}, but its log is not", path, is_there(path) ? "empty" : "gone"));
  }
  if (size == 0) {
    return ok();
  }
  const sys::Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) {
    return system_error("open", path, errno);
  }
  std::array<char, header_size> bytes{};
  const ssize_t got = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) {
    return system_error("read", path, errno);
  }
  const std::string_view header(bytes.data(), static_cast<std::size_t>(got));
  if (!header.starts_with(magic) || header.size() < header_size) {
    return corrupt(fmt::format("{} is no database", path));
  }
  const std::uint32_t owner = application_in(header);
  // Ours has its log, never a journal; its mark may be in the log still.
  if ((owner != 0 && owner != application_id) || (owner == 0 && is_there(path + "-journal"))) {
    return corrupt(fmt::format("{} is a database of another program", path));
  }
  return ok();
}

namespace {

/// `pragma` says "ok", or what is wrong.
Status check_by(Connection& connection, const char* pragma) {
  Statement check(connection, pragma);
  Rows rows = check.with().rows();
  std::string said(rows.next() ? rows.bytes(0) : std::string_view());
  if (Status read = rows.status(); !read) {
    return read;
  }
  return said == "ok" ? ok()
                      : Status(corrupt(fmt::format("{} is damaged: {}", connection.path(), said)));
}

/// A damaged page can hide rows without an error, or an index its entries: work would be lost, or done
/// twice. Where it takes no time to speak of, all pages and indexes are looked at.
Result<bool> is_small(Connection& connection) {
  const auto pages = connection.number("PRAGMA page_count");
  return pages ? Result<bool>(*pages <= checked_pages) : pages.error();
}

}  // namespace

Status check_structure(Connection& connection) {
  return check_by(connection, "PRAGMA quick_check(1)");
}

namespace {

/// The machine went down while the database was in use.
Result<bool> went_down(Connection& connection) {
  Statement fact(connection, "SELECT value FROM facts WHERE name = ?");
  Rows rows = fact.with(std::string_view(boot_fact)).rows();
  const std::string boot(rows.next() ? rows.bytes(0) : std::string_view());
  const Status read = rows.status();
  return read ? Result<bool>(!boot.empty() && boot != sys::boot_id()) : read.error();
}

}  // namespace

Status check_if_suspect(Connection& connection, bool log_left) {
  const std::string mark = suspicion(connection.path());
  const Result<bool> small = is_small(connection);
  if (!small) {
    return small.error();
  }
  if (!*small && !is_there(mark)) {
    const Result<bool> down = log_left ? went_down(connection) : Result<bool>(false);
    if (!down || !*down) {
      return down ? ok() : Status(down.error());
    }
  }
  Status sound =
      *small ? check_by(connection, "PRAGMA integrity_check(1)") : check_structure(connection);
  if (sound) {
    (void)::unlink(mark.c_str());
  }
  return sound;
}

void note_damage(const std::string& path, const std::string& what) {
  (void)sys::write_file_atomically(suspicion(path), what + "\n");
}

Result<std::string> Store::set_aside(const std::string& path) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 32> stamp{};
  (void)std::strftime(stamp.data(), stamp.size(), "%Y-%m-%d-%H%M%S", &local);
  const std::string base = fmt::format("{}.set-aside-{}", path, stamp.data());
  std::string aside = base;
  for (int number = 2; is_there(aside) || is_there(aside + "-wal"); ++number) {
    aside = fmt::format("{}-{}", base, number);
  }
  for (const char* companion : companions) {
    const std::string from = path + companion;
    if (::rename(from.c_str(), (aside + companion).c_str()) != 0 && errno != ENOENT) {
      return system_error("rename", from, errno);
    }
  }
  return aside;
}

}  // namespace cattino::store
