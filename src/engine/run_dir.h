// The directory of a submission: the home, its time, "-2" on a clash. Made, never found: two submissions
// never share one. Blocks (the home may be on a network), so it runs on the files' thread.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"

namespace cattino::engine {

constexpr const char* default_date_format = "%Y-%m-%d/%H-%M-%S";

class RunDirs {
 public:
  explicit RunDirs(std::string home) : home_(std::move(home)) {}

  /// `format`: strftime in local time, empty for the default.
  Result<std::string> make(const std::string& format, Time now);

 private:
  std::string home_;
  std::string last_base_;  ///< the last one made, so that a thousand in a second try few names
  unsigned last_number_ = 1;
};

}  // namespace cattino::engine
