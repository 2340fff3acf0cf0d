// Files of SQLite that can be made to fail by tests, at the points (sys/faults.h)
//   store.write-full   a write to the database or its log finds no room
//   store.write-short  a write puts down its first half, and fails
//   store.sync-fails   a sync fails
// In builds for use there is nothing of it.
#pragma once

namespace cattino::store {

#ifdef CATTINO_FAULTS

/// The name of SQLite's way to its files.
const char* faulty_files();

#else

inline const char* faulty_files() {
  return nullptr;
}

#endif

}  // namespace cattino::store
