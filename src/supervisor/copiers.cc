// Logs with a limit: the processes that copy into them, and the end of an attempt that waits for them.
#include <utility>

#include "supervisor/limits.h"
#include "supervisor/supervisor.h"
#include "supervisor/tokens.h"

namespace cattino::supervisor {

/// Watches what copies the output of an attempt. It is reaped even if nobody knows the attempt any more.
void Supervisor::note_copier(std::uint64_t key, sys::Fd pidfd) {
  const std::uint64_t id = ++last_copier_;
  poller_.add(pidfd.get(), token(TokenKind::copier, id));
  copiers_[id] = {key, std::move(pidfd)};
  if (Attempt* attempt = find(key)) {
    attempt->copier = id;
  }
}

void Supervisor::take_copier(std::uint64_t id) {
  const auto found = copiers_.find(id);
  if (found == copiers_.end()) {
    return;
  }
  const Copier ended = std::move(found->second);
  copiers_.erase(found);
  poller_.remove(ended.pidfd.get());
  sys::reap(ended.pidfd.get());
  Attempt* attempt = find(ended.key);
  if (attempt != nullptr && attempt->copier == id) {
    attempt->copier = 0;
    if (attempt->output_due.us != 0) {
      look_later(*attempt);
    }
  }
}

/// The tree of the attempt is gone; what it wrote last may still be on its way into the logs. Not for ever:
/// a process that is not of the tree may have been handed its stdout.
bool Supervisor::awaits_output(Attempt& attempt) {
  if (attempt.copier == 0) {
    return false;
  }
  attempt.unchecked = false;  // it is to be looked at again
  const Duration now = sys::since_boot();
  if (attempt.output_due.us == 0) {
    attempt.output_due = now + output_wait;
    set_due(attempt, attempt.output_due);
  }
  return now < attempt.output_due;
}

}  // namespace cattino::supervisor
