// Looking at devices.
#include "engine/observer.h"

#include <map>
#include <unordered_set>
#include <utility>

#include "sys/processes.h"

namespace cattino::engine {

Observer::Observer(
    World& world,
    std::unique_ptr<devices::Probe> probe,
    std::function<void(devices::Inventory)> observed)
    : world_(world),
      probe_(std::move(probe)),
      observed_(std::move(observed)),
      timer_(world.loop),
      patience_timer_(world.loop),
      worker_(std::make_unique<sys::Worker>("probe")) {}

Observer::~Observer() = default;

/// What the probe's thread may ask, answered from a copy.
devices::Attribution Observer::attribution() const {
  auto claims = std::make_shared<std::map<std::pair<std::uint64_t, std::uint16_t>, Mib>>();
  auto attempts = std::make_shared<std::unordered_set<std::uint64_t>>();
  for (const auto& [task, running] : world_.running) {
    const core::TaskState* state = world_.core.state(task);
    if (state == nullptr) {
      continue;
    }
    attempts->insert(running.attempt.key());
    const core::Allocation& held = state->allocation;
    for (std::size_t i = 0; i < held.devices.size() && i < held.mib.size(); ++i) {
      (*claims)[{running.attempt.key(), held.devices[i]}] = held.mib[i];
    }
  }
  devices::Attribution attribution;
  attribution.attempt_of = [attempts](std::int64_t pid) -> std::uint64_t {
    const std::optional<sys::Tag> tag = sys::tag_of(static_cast<pid_t>(pid));
    return tag && attempts->contains(tag->key) ? tag->key : 0;
  };
  attribution.claim_of = [claims](std::uint64_t attempt, std::uint16_t device) {
    const auto at = claims->find({attempt, device});
    return at == claims->end() ? Mib{} : at->second;
  };
  return attribution;
}

void Observer::look() {
  if (looking_) {
    return;
  }
  looking_ = true;
  auto then = world_.guarded<std::shared_ptr<devices::Inventory>>(
      [this](const std::shared_ptr<devices::Inventory>& inventory) {
        seen(std::move(*inventory));
      });
  sys::Loop* loop = &world_.loop;
  worker_->post([probe = probe_, ask = attribution(), then = std::move(then), loop] {
    auto inventory = std::make_shared<devices::Inventory>(probe->observe(ask));
    loop->post([inventory, then] { then(inventory); });
  });
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): the queued function owns what was moved into it

void Observer::seen(devices::Inventory inventory) {
  looking_ = false;
  last_ = world_.clock.now();
  observed_(std::move(inventory));
  if (world_.inventory_known) {  // else it waits for the supervisor's report
    answer_waiting(true);
  }
}

void Observer::answer_waiting(bool known) {
  patience_timer_.cancel();
  for (auto& then : std::exchange(waiting_, {})) {
    then(known);
  }
}

void Observer::when_known(bool fresh, std::function<void(bool)> then) {
  const bool stale = fresh && world_.inventory.sampled && world_.clock.now() - last_ >= period;
  if (world_.inventory_known && !stale) {
    then(true);
    return;
  }
  waiting_.push_back(std::move(then));
  if (waiting_.size() == 1) {
    patience_timer_.arm(world_.inventory_known ? patience : first_patience, [this] {
      answer_waiting(world_.inventory_known);
    });
  }
  look();
}

bool Observer::matters() const {
  if (!world_.inventory_known || !world_.inventory.sampled) {
    return false;
  }
  const core::Scheduler::Counts counts = world_.core.counts();
  return counts.ready > 0 || (counts.waiting > 0 && counts.running > 0);
}

void Observer::consider() {
  if (!matters() || looking_ || timer_armed_) {
    return;
  }
  const Duration age = world_.clock.now() - last_;
  if (age >= period) {
    look();
    return;
  }
  timer_armed_ = true;
  timer_.arm(period - age, [this] {
    timer_armed_ = false;
    if (matters()) {
      look();
    }
  });
}

}  // namespace cattino::engine
