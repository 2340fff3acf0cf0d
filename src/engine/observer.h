// When devices are looked at. Once at the start; then, only if the probe reads a driver and only while
// it matters (something waits, and something runs or could run): at most once a second, and before new
// work that asks for devices is taken, if the last look is older than that. Never for declared devices.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "devices/inventory.h"
#include "engine/world.h"
#include "sys/loop.h"

namespace cattino::engine {

class Observer {
 public:
  static constexpr Duration period = Duration::seconds(1);
  /// How long new work waits for a fresh look. A driver that hangs must not hang submissions: an old
  /// inventory is better than none.
  static constexpr Duration patience = Duration::seconds(10);
  /// How long it waits for the very first: drivers of large machines take their time to wake up.
  static constexpr Duration first_patience = Duration::seconds(180);

  Observer(
      World& world,
      std::unique_ptr<devices::Probe> probe,
      std::function<void(devices::Inventory)> observed);
  ~Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  void look();

  /// Calls `then` with true once the inventory is known and, if `fresh`, not older than a period (or
  /// no newer one came in time); with false if there is none at all in time. May call from within.
  void when_known(bool fresh, std::function<void(bool)> then);

  /// The first inventory has been taken.
  void known() { answer_waiting(true); }

  /// Nothing newer comes for now: nobody waits for it any longer.
  void give_up() { answer_waiting(world_.inventory_known); }

  /// At the end of a turn: looks again if it matters.
  void consider();

 private:
  void seen(devices::Inventory inventory);
  void answer_waiting(bool known);
  [[nodiscard]] bool matters() const;
  [[nodiscard]] devices::Attribution attribution() const;

  World& world_;
  std::shared_ptr<devices::Probe> probe_;  ///< shared with the job under way
  std::function<void(devices::Inventory)> observed_;
  std::vector<std::function<void(bool)>> waiting_;
  sys::Timer timer_;
  sys::Timer patience_timer_;
  bool looking_ = false;
  bool timer_armed_ = false;
  Time last_;
  std::unique_ptr<sys::Worker> worker_;
};

}  // namespace cattino::engine
