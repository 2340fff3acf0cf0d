// What the parts of the engine share: the core, the store, the services, and what is remembered of
// running attempts. Everything belongs to the loop's thread; the jobs given to `read` and `write_files`
// run on threads of their own and get copies.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "core/scheduler.h"
#include "devices/inventory.h"
#include "engine/engine.h"
#include "engine/live_names.h"
#include "store/store.h"
#include "supervisor/client.h"
#include "sys/clock.h"
#include "sys/loop.h"

namespace cattino::engine {

/// An attempt whose process was asked for, until its task no longer runs.
struct Running {
  AttemptId attempt;
  SubmissionId submission;
  std::string fullname;     ///< empty until it is launched
  bool function = false;    ///< runs in a process forked from the host
  bool maybe_sent = false;  ///< its start may have left, in this life of the daemon or before
  bool restored = false;    ///< it began in an earlier life of the daemon
  bool recorded = true;     ///< it is in the store (one of a line is, once it is known to run)
  std::int32_t pid = 0;
  Time started;
  Time process_started;  ///< by the supervisor's clock; 0: not known
  std::vector<std::uint16_t> devices;
  std::uint32_t host = 0;
  std::uint16_t master_port = 0;
};

/// What the store keeps of it while it runs.
store::Attempt attempt_row(const Running& running);

/// Work for another thread, and what comes after it on the loop.
template <class T, class... Arguments>
struct Errand {
  Errand(
      std::function<T(Arguments...)> the_job,
      std::function<void(T)> the_rest,
      const std::shared_ptr<bool>& alive)
      : job(std::move(the_job)), then(std::move(the_rest)), life(alive) {}
  void end() {
    if (!life.expired()) {
      then(std::move(*result));
    }
  }
  std::function<T(Arguments...)> job;
  std::function<void(T)> then;
  std::weak_ptr<bool> life;
  std::optional<T> result;
};

struct World {
  /// How many short tasks are started ahead of time behind each running one.
  static constexpr std::uint32_t line_length = 8;

  World(
      sys::Loop& the_loop,
      Engine::Options the_options,
      std::unique_ptr<store::Store> the_store,
      std::unique_ptr<store::Reader> the_reader);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Runs `job` on the reader's thread and `then` on the loop with what it returned, unless the engine
  /// is gone by then.
  template <class T>
  void read(std::function<T(store::Reader&)> job, std::function<void(T)> then) {
    auto errand =
        std::make_shared<Errand<T, store::Reader&>>(std::move(job), std::move(then), alive);
    reading->post([this, errand] {
      errand->result.emplace(errand->job(*reader));
      loop.post([errand] { errand->end(); });
    });
  }

  /// Runs `job`, which touches files, away from the loop; `then` on the loop.
  template <class T>
  void write_files(std::function<T()> job, std::function<void(T)> then) {
    auto errand = std::make_shared<Errand<T>>(std::move(job), std::move(then), alive);
    files->post([this, errand] {
      errand->result.emplace(errand->job());
      loop.post([errand] { errand->end(); });
    });
  }

  /// `work`, which does nothing once the engine is gone: for callbacks that may outlive it.
  template <class T>
  std::function<void(T)> guarded(std::function<void(T)> work) {
    return [life = std::weak_ptr<bool>(alive), work = std::move(work)](T value) {
      if (!life.expired()) {
        work(std::move(value));
      }
    };
  }
  [[nodiscard]] std::function<void()> guarded(std::function<void()> work) const;

  /// The shared part of a submission, good until the next call; null if the store does not have it.
  const store::Submission* submission(SubmissionId id);
  void remember(const store::Submission& submission);
  void forget_submission(SubmissionId id) { submissions.erase(id); }

  /// Fullname of a task or group: "#41" if the store cannot say.
  std::string fullname_of(core::Node node);
  std::string fullname_of(TaskId task) { return fullname_of(core::Node::of(task)); }

  /// Has the task of this id not ended?
  [[nodiscard]] bool is_live(TaskId task) const;

  /// Has the supervisor end what has this key, after the grace of the settings.
  void stop(std::uint64_t key) const;

  /// Stops what runs and the state does not know; returns how many that are.
  std::uint64_t end_unknown();

  /// A device's name in the last inventory.
  [[nodiscard]] std::string device_name(std::uint16_t index) const;
  [[nodiscard]] std::vector<std::string> device_names() const;
  [[nodiscard]] bool has_accelerators() const;

  sys::Loop& loop;
  Engine::Options options;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::Reader> reader;
  sys::Clock clock;
  core::Scheduler core;
  devices::Inventory inventory;
  bool inventory_known = false;
  std::unique_ptr<supervisor::Client> client;
  bool leaving = false;            ///< takes no new work
  bool had_work = false;           ///< in this life
  bool connected = false;          ///< between a Synced and the next disconnect
  std::string supervisor_problem;  ///< why none can be had; empty: one can
  /// An Error about it.
  [[nodiscard]] Error unusable_supervisor() const;
  std::unordered_map<TaskId, Running> running;
  std::map<std::uint64_t, UnknownView> unknown;                     ///< by key
  std::unordered_map<SubmissionId, store::Submission> submissions;  ///< lately used
  LiveNames names;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  std::unique_ptr<sys::Worker> reading = std::make_unique<sys::Worker>("reader");
  std::unique_ptr<sys::Worker> files = std::make_unique<sys::Worker>("files");
};

}  // namespace cattino::engine
