// GET /v1/feed: one line for each change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wire/common.h"
#include "wire/tasks.h"

namespace cattino::wire {

/// The fields of Task that matter to a follower.
struct FeedTask {
  std::uint64_t id = 0;
  std::string fullname;
  std::string status;
  std::uint32_t attempt = 0;
  std::vector<std::string> devices;
  Nullable<Exit> exit;
  Nullable<Reason> reason;  ///< only its text
};

/// `event` "gap" says that the reader was too slow: changes up to `seq` were left out.
struct FeedItem {
  std::uint64_t seq = 0;
  Milliseconds at = 0;
  std::string event;
  std::optional<FeedTask> task;
  std::optional<std::string> text;
};

}  // namespace cattino::wire
