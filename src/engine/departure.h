// When the daemon goes: after an idle time, when all is done (`shutdown-on-complete`), or because a user
// said so. While anything is pending no timer of this runs; when nothing is, one single timer does.
#pragma once

#include <cstdint>
#include <functional>

#include "engine/effects.h"
#include "engine/feed.h"
#include "engine/turn.h"
#include "engine/waits.h"
#include "engine/world.h"

namespace cattino::engine {

class Departure {
 public:
  static constexpr int status_done = 0;       ///< daemon, supervisor and guardian leave
  static constexpr int status_replaced = 10;  ///< only the daemon leaves
  static constexpr int status_failed = 1;     ///< the guardian starts another at once

  struct Parts {
    World& world;
    Turn& turn;
    Effects& effects;
    Feed& feed;
    Waits& waits;
  };
  explicit Departure(Parts parts);

  void touch() { last_touch_ = parts_.world.clock.now(); }
  void on_leave(std::function<void(int)> callback) { left_ = std::move(callback); }
  void leave(bool keep_tasks, Answer<std::uint64_t> answer);

  /// What is on disk is not known any more: the next daemon reads what there is.
  void fail();

  /// At the end of each turn.
  void consider();

  /// Nothing runs, nothing could start, nothing is due.
  [[nodiscard]] bool quiet() const;

 private:
  enum class Stage { here, stopping, going };

  void stop_tasks(const std::vector<TaskId>& tasks);
  void finish_stopping();
  void go(int status);
  void arm_idle();
  void idle_over();
  [[nodiscard]] Duration patience() const;

  Parts parts_;
  Stage stage_ = Stage::here;
  bool stop_asked_ = false;
  std::uint64_t stopped_ = 0;
  Answer<std::uint64_t> answer_;
  std::function<void(int)> left_;
  Time last_touch_;
  bool idle_armed_ = false;
  sys::Timer idle_timer_;
  sys::Timer going_timer_;
};

}  // namespace cattino::engine
