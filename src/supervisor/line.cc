// Lines: starts that are held behind a running attempt and go, one after the other, without asking.
#include <utility>

#include "supervisor/limits.h"
#include "supervisor/supervisor.h"
#include "sys/files.h"

namespace cattino::supervisor {

/// False if there is nobody to wait for: it starts at once.
bool Supervisor::hold(Attempt& attempt, std::uint64_t after) {
  Attempt* const leader = after == 0 ? nullptr : find(after);
  if (leader == nullptr || leader->state == Attempt::State::exited || leader->next != 0) {
    return false;
  }
  leader->next = attempt.key;
  attempt.behind = after;
  return true;
}

/// `attempt` is over: the one behind it starts, or moves up if it was itself held.
void Supervisor::let_next_go(Attempt& attempt) {
  const std::uint64_t key = std::exchange(attempt.next, 0);
  const std::uint64_t front = std::exchange(attempt.behind, 0);
  if (front != 0) {
    attempts_.at(front).next = key;
  }
  if (key == 0) {
    return;
  }
  Attempt& next = attempts_.at(key);
  next.behind = front;
  if (front == 0) {
    launch(next.job);
  }
}

/// At the end of the turn.
void Supervisor::launch(std::shared_ptr<LaunchJob> job) {
  to_launch_.push_back(std::move(job));
}

/// Where the logs of the one behind it go; empty if there is none.
std::string Supervisor::directory_of_next(const Attempt& attempt) const {
  if (attempt.next == 0) {
    return {};
  }
  return sys::directory_of(attempts_.at(attempt.next).job->spawn.stdout_path);
}

/// The daemon need not hear yet that an attempt before this one has ended: enough are held behind it.
bool Supervisor::has_long_line(const Attempt& attempt) const {
  const Attempt* at = &attempt;
  for (std::size_t held = 0; held < line_worth_patience; ++held) {
    if (at->next == 0) {
      return false;
    }
    at = &attempts_.at(at->next);
  }
  return true;
}

void Supervisor::on(std::uint64_t /*id*/, const Recall& recall) {
  Attempt* const attempt = find(recall.key);
  if (attempt != nullptr && attempt->behind == 0) {
    return;  // It has begun.
  }
  if (attempt != nullptr) {
    let_next_go(*attempt);
    attempts_.erase(recall.key);
    --active_;
  }
  tell(Recalled{recall.key});
}

}  // namespace cattino::supervisor
