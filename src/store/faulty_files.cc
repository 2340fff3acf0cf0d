// SQLite's own files, but for what opens them, writes and syncs.
#include "store/faulty_files.h"

#ifdef CATTINO_FAULTS

#include <array>
#include <cerrno>
#include <mutex>

#include <sqlite3.h>

#include "sys/faults.h"

namespace cattino::store {
namespace {

constexpr const char* vfs_name = "cattino-faulty";

/// What is called for files of one kind. SQLite's own table differs: a log has no locks.
struct Methods {
  int kind = 0;
  const sqlite3_io_methods* real = nullptr;
  sqlite3_io_methods ours{};
};

std::array<Methods, 2>& tables() {
  static std::array<Methods, 2> both{
      Methods{.kind = SQLITE_OPEN_MAIN_DB}, Methods{.kind = SQLITE_OPEN_WAL}};
  return both;
}

const sqlite3_io_methods& real_methods(const sqlite3_file* file) {
  const std::array<Methods, 2>& both = tables();
  return *(file->pMethods == &both[0].ours ? both[0] : both[1]).real;
}

int failed(int code, int error_number) {
  errno = error_number;  // SQLite asks for it
  return code;
}

int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
  if (sys::fault_fails("store.write-full")) {
    return SQLITE_FULL;
  }
  if (sys::fault_fails("store.write-short")) {
    (void)real_methods(file).xWrite(file, bytes, size / 2, at);
    return failed(SQLITE_IOERR_WRITE, EIO);
  }
  return real_methods(file).xWrite(file, bytes, size, at);
}

int sync(sqlite3_file* file, int flags) {
  if (sys::fault_fails("store.sync-fails")) {
    return failed(SQLITE_IOERR_FSYNC, EIO);
  }
  return real_methods(file).xSync(file, flags);
}

/// The real one opens the file; its table of methods is exchanged for one with the two above.
int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* given) {
  const auto* real = static_cast<const sqlite3_vfs*>(sqlite3_vfs_find(nullptr));
  const int code = real->xOpen(vfs, name, file, flags, given);
  if (code != SQLITE_OK) {
    return code;
  }
  static std::mutex several;
  const std::lock_guard<std::mutex> one(several);
  for (Methods& methods : tables()) {
    if ((flags & methods.kind) == 0) {
      continue;
    }
    if (methods.real == nullptr) {
      methods.real = file->pMethods;
      methods.ours = *file->pMethods;
      methods.ours.xWrite = write;
      methods.ours.xSync = sync;
    }
    if (methods.real == file->pMethods) {
      file->pMethods = &methods.ours;
    }
  }
  return SQLITE_OK;
}

sqlite3_vfs* made() {
  static sqlite3_vfs vfs = *sqlite3_vfs_find(nullptr);
  vfs.pNext = nullptr;
  vfs.zName = vfs_name;
  vfs.xOpen = open;
  sqlite3_vfs_register(&vfs, 0);
  return &vfs;
}

}  // namespace

const char* faulty_files() {
  static const sqlite3_vfs* const vfs = made();
  return vfs->zName;
}

}  // namespace cattino::store

#endif
