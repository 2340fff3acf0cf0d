// Forgetting.
#include "engine/history.h"

#include <limits>

namespace cattino::engine {

History::History(World& world, Turn& turn) : world_(world), turn_(turn), timer_(world.loop) {}

void History::consider() {
  if (!is_due_ || is_armed_ || turn_.failing()) {
    return;
  }
  is_armed_ = true;
  timer_.arm(pause, [this] {
    is_armed_ = false;
    work();
  });
}

/// A portion. What cannot be written now is tried again after a later turn.
void History::work() {
  if (turn_.failing()) {
    return;
  }
  if (!turn_.changes().empty()) {
    consider();  // a submission that comes back may be among them
    return;
  }
  Result<bool> more = world_.store->sweep();
  if (more && !*more) {
    more = forget_some();
  }
  if (!more) {
    return;
  }
  is_due_ = *more;
  consider();
}

Result<bool> History::forget_some() {
  const Result<std::vector<store::Submission>> outdated = world_.store->outdated(keep());
  if (!outdated) {
    return outdated.error();
  }
  bool any = false;
  for (const store::Submission& submission : *outdated) {
    if (is_used(submission)) {
      continue;
    }
    if (const Status forgotten = world_.store->forget(submission.id); !forgotten) {
      break;  // the commit says it again
    }
    world_.forget_submission(submission.id);
    any = true;
  }
  if (!any && outdated->empty()) {
    return false;
  }
  if (const Status committed = world_.store->commit(); !committed) {
    return committed.error();
  }
  return any;
}

store::Keep History::keep() const {
  const settings::Settings& settings = world_.options.settings;
  const Time now = world_.clock.now();
  store::Keep keep;
  keep.ended_after = settings.history_age.us == 0 ? Time{} : now - settings.history_age;
  keep.most_tasks = settings.history_size == 0 ? std::numeric_limits<std::uint64_t>::max()
                                               : settings.history_size;
  keep.surely_after = now - lately;
  return keep;
}

/// It may have come back to the core, and not be stored so yet.
bool History::is_used(const store::Submission& submission) const {
  return submission.task_count > 0 && world_.core.state(submission.first_task) != nullptr;
}

}  // namespace cattino::engine
