// The daemon's log: one JSON object a line, for what happens rarely. Tasks are not logged: the feed and
// the store have them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "sys/clock.h"
#include "sys/fd.h"

namespace cattino::server {

class Log {
 public:
  using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// Appends to `path`; a log of more than 1 MiB is put aside as `path`.1 first.
  static Result<Log> open(const std::string& path);

  /// Each line is written at once. A full disk loses lines, nothing else.
  void write(std::string_view event, Fields fields = {});

 private:
  explicit Log(sys::Fd fd) : fd_(std::move(fd)) {}

  sys::Fd fd_;
  sys::Clock clock_;
};

}  // namespace cattino::server
