// The index of live fullnames.
#include "engine/live_names.h"

namespace cattino::engine {

bool LiveNames::contains(std::uint64_t hash, TaskId task) const {
  const auto [first, last] = tasks_.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    if (at->second == task) {
      return true;
    }
  }
  return false;
}

std::optional<TaskId> LiveNames::holder(std::string_view fullname, const Questions& ask) {
  const auto [first, last] = tasks_.equal_range(hash(fullname));
  for (auto at = first; at != last;) {
    if (!ask.is_live(at->second)) {
      at = tasks_.erase(at);
    } else if (ask.fullname(at->second) == fullname) {
      return at->second;
    } else {
      ++at;
    }
  }
  return std::nullopt;
}

void LiveNames::sweep(std::uint64_t live, const std::function<bool(TaskId)>& is_live) {
  constexpr std::uint64_t slack = 10'000;
  if (tasks_.size() <= 2 * live + slack) {
    return;
  }
  for (auto at = tasks_.begin(); at != tasks_.end();) {
    at = is_live(at->second) ? std::next(at) : tasks_.erase(at);
  }
}

}  // namespace cattino::engine
