// How long ended submissions are remembered: the settings `history-age` and `history-size`.
//
// When a submission has ended, and once after a start, those that are too old or too many are forgotten, and
// their rows go a hundred at a time, between turns and with pauses: no turn waits for more than a millisecond
// or two, and the disk has little to do (each row may be on a page of its own). Logs are the user's and stay.
// Nothing wakes a daemon that has nothing to do.
#pragma once

#include "engine/turn.h"
#include "engine/world.h"

namespace cattino::engine {

class History {
 public:
  static constexpr Duration pause = Duration::milliseconds(50);
  /// What ended lately stays, whatever `history-size` says: somebody may be about to ask for it.
  static constexpr Duration lately = Duration::seconds(600);

  History(World& world, Turn& turn);

  void submission_ended() { is_due_ = true; }
  /// After each turn.
  void consider();

 private:
  void work();
  /// True if there is more to do.
  Result<bool> forget_some();
  [[nodiscard]] store::Keep keep() const;
  [[nodiscard]] bool is_used(const store::Submission& submission) const;

  World& world_;
  Turn& turn_;
  bool is_due_ = true;
  bool is_armed_ = false;
  sys::Timer timer_;
};

}  // namespace cattino::engine
