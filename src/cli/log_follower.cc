// pread and inotify.
#include "cli/log_follower.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/files.h"

namespace cattino::cli {

namespace {

constexpr std::size_t piece_bytes = 65536;
constexpr std::size_t read_bytes_max = 4UL * 1024 * 1024;  ///< at once, so that output flows

}  // namespace

bool GrowingFile::open_if_needed() {
  if (!file_ && !path_.empty()) {
    file_ = sys::Fd(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  }
  return static_cast<bool>(file_);
}

void GrowingFile::skip_to_last(std::uint64_t lines) {
  struct stat info {};
  if (!open_if_needed() || fstat(file_.get(), &info) != 0) {
    return;
  }
  if (lines == 0) {
    offset_ = info.st_size;
    return;
  }
  std::array<char, piece_bytes> piece{};
  std::int64_t begin = info.st_size;
  std::uint64_t seen = 0;
  while (begin > 0) {
    const std::int64_t from =
        std::max<std::int64_t>(0, begin - static_cast<std::int64_t>(piece_bytes));
    const ssize_t count =
        pread(file_.get(), piece.data(), static_cast<std::size_t>(begin - from), from);
    if (count <= 0) {
      return;
    }
    // The newline at the very end belongs to the last line.
    ssize_t i = count - (begin == info.st_size ? 1 : 0);
    while (i > 0 && seen < lines) {
      --i;
      seen += piece[static_cast<std::size_t>(i)] == '\n' ? 1U : 0U;
    }
    if (seen == lines) {
      offset_ = from + i + 1;
      return;
    }
    begin = from;
  }
}

Result<std::string> GrowingFile::read_new() {
  std::string text;
  if (!open_if_needed()) {
    return text;
  }
  std::array<char, piece_bytes> piece{};
  while (text.size() < read_bytes_max) {
    const ssize_t count = pread(file_.get(), piece.data(), piece.size(), offset_);
    if (count < 0 && errno != EINTR) {
      return system_error("read", path_, errno);
    }
    if (count == 0) {
      break;
    }
    if (count > 0) {
      text.append(piece.data(), static_cast<std::size_t>(count));
      offset_ += count;
    }
  }
  return text;
}

Result<FileAlarm> FileAlarm::make() {
  sys::Fd fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) {
    return system_error("watch files with", "inotify", errno);
  }
  return FileAlarm(std::move(fd));
}

void FileAlarm::watch(const std::string& path) {
  // Adding a watch twice keeps one: the kernel knows it by the file.
  std::string place = path;
  std::uint32_t events = IN_MODIFY;
  while (inotify_add_watch(fd_.get(), place.c_str(), events) < 0 && errno == ENOENT &&
         place.size() > 1) {
    place = sys::directory_of(place);
    events = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;
  }
}

void FileAlarm::clear() {
  std::array<char, 4096> events{};
  while (read(fd_.get(), events.data(), events.size()) > 0) {
  }
}

}  // namespace cattino::cli
