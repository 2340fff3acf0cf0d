// Files that grow while they are read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "sys/fd.h"

namespace cattino::cli {

/// Reads one file from some place on, as far as it goes. The file may not exist yet.
class GrowingFile {
 public:
  GrowingFile() = default;
  explicit GrowingFile(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Skips all but the last `lines` lines of what is there.
  void skip_to_last(std::uint64_t lines);
  /// What has come since; empty if nothing has.
  Result<std::string> read_new();

 private:
  bool open_if_needed();

  std::string path_;
  sys::Fd file_;
  std::int64_t offset_ = 0;
};

/// Tells, by inotify, when a file grows, or comes into being.
class FileAlarm {
 public:
  static Result<FileAlarm> make();

  /// Watches the file at `path`, or the nearest directory above it that exists, until it does. Call it
  /// again after each alarm: what was missing may be there now.
  void watch(const std::string& path);
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Forgets the alarms that came.
  void clear();

 private:
  explicit FileAlarm(sys::Fd fd) : fd_(std::move(fd)) {}

  sys::Fd fd_;
};

}  // namespace cattino::cli
