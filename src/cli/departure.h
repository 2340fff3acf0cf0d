// Waiting until a backend that was told to leave is gone, so that the next command meets none.
#pragma once

#include "base/time.h"
#include "sys/fd.h"
#include "wire/verbs.h"

namespace cattino::cli {

class Departure {
 public:
  /// Take it before the backend is told to leave: it holds on to the process that goes last, the
  /// guardian; with `keep_tasks`, the daemon alone.
  Departure(const wire::Health& health, bool keep_tasks);

  /// Returns when it is gone, or after `patience`.
  void wait(Duration patience = Duration::seconds(10)) const;

 private:
  sys::Fd last_;
};

}  // namespace cattino::cli
