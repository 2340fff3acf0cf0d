// A turn: events → step → one write → effects. The one place where the core is stepped.
//
// Strengths. What a user is told waits for a sync (`answer`). Starts and exits are written before they
// take effect, and synced within 50 ms; only then are exits acknowledged to the supervisor. That a
// process is known (AttemptStarted) is written with the next turn or after 50 ms at the latest: the
// supervisor would tell it again, so nothing depends on it.
//
// A failed write (full disk) leaves the changes and effects where they are: the core goes on taking
// events, nothing it wants is done, `fence` refuses users, waits are not answered, and the write is tried
// again each second. (One that met damage ends the program.)
// Users' verbs call `fence` before they step: a write that must succeed first, so that what was refused
// has changed nothing. (Submissions are written before they are stepped anyway.) Should the disk fill
// up between fence and write, the user is told so, and the change takes effect with the next write.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "core/event.h"
#include "engine/changes.h"
#include "engine/feed.h"
#include "engine/world.h"

namespace cattino::engine {

class Turn {
 public:
  static constexpr Duration soft_delay = Duration::milliseconds(50);
  static constexpr Duration retry_delay = Duration::seconds(1);

  struct Outlets {
    std::function<void(const core::Action&)> effect;  ///< after the commit
    std::function<void(TaskId, const core::TaskState&)> changed;
    std::function<void()> ended;  ///< after each turn
    /// A sync failed, and nobody knows what the disk has; or the state is damaged.
    std::function<void()> broken;
  };
  Turn(World& world, Feed& feed);
  void connect(Outlets outlets) { outlets_ = std::move(outlets); }

  /// Steps the core and collects what follows; `end` or `end_soon` is due.
  void step(const core::Event& event);

  /// All effects that are outstanding, after a reconnect: replaces those not yet acted on.
  void repeat(core::Actions actions);

  /// Called with the outcome once this turn's changes are synced.
  void answer(std::function<void(Status)> answer) { answers_.push_back(std::move(answer)); }

  /// The same for what is committed already: it is not refused should the changes of this turn fail.
  void answer_stored(std::function<void(Status)> answer) { stored_.push_back(std::move(answer)); }

  /// The exit of `key` is acknowledged after the sync of this turn.
  void acknowledge(std::uint64_t key) { acknowledgements_.push_back(key); }

  void end();
  /// Gives followers of the feed what they have not got, if it is stored: the next daemon unsays nothing.
  void tell();
  void end_soon();  ///< posts `end`, once: requests that arrive together share a commit

  /// An error if nothing can be stored now.
  Status fence();

  Changes& changes() { return changes_; }
  void write_soon() { urgent_ = true; }  ///< changes were put beside a step
  [[nodiscard]] bool failing() const { return failing_; }
  [[nodiscard]] bool timer_armed() const { return timer_at_.us != 0; }
  [[nodiscard]] bool all_written() const {
    return changes_.empty() && answers_.empty() && stored_.empty() && acknowledgements_.empty() &&
           syncing_ == 0;
  }

 private:
  struct Batch {
    std::vector<std::function<void(Status)>> answers;
    std::vector<std::uint64_t> acknowledgements;
  };

  void take(const core::Action& action, const core::Event& event);
  void task_changed(const core::TaskChanged& change, const core::Event& event);
  void tell_feed(const core::TaskChanged& change, const core::Event& event);
  void start_wanted(AttemptId attempt);
  void arm(Time at);
  bool write();
  void tell_again();
  void failed(const Error& error);
  void run_effects();
  void settle();
  void soft_write();
  void sync();
  void sync(const std::shared_ptr<Batch>& batch);
  void synced(const Status& status, Batch& batch);

  World& world_;
  Feed& feed_;
  Outlets outlets_;
  Changes changes_;
  core::Actions actions_;
  core::Actions effects_;
  std::vector<std::function<void(Status)>> answers_;
  std::vector<std::function<void(Status)>> stored_;  ///< answers to what is committed
  std::vector<std::uint64_t> acknowledgements_;
  bool urgent_ = false;    ///< changes_ must be written at the end of this turn
  bool unsynced_ = false;  ///< commits that no sync has been asked for
  bool ending_ = false;
  bool end_posted_ = false;
  bool failing_ = false;
  Error why_failing_;
  bool told_late_ = false;  ///< a write has failed since the last one that did not
  int syncing_ = 0;
  bool soft_armed_ = false;
  Time timer_at_;
  sys::Timer timer_;
  sys::Timer soft_timer_;
  sys::Timer retry_timer_;
};

}  // namespace cattino::engine
