// A supervisor that starts nothing: it remembers what it was sent, and the test says what becomes of it.
// It outlives engines, as the real one outlives daemons.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/version.h"
#include "engine/engine.h"
#include "supervisor/client.h"
#include "sys/loop.h"

namespace cattino::engine {

class FakeSupervisor {
 public:
  explicit FakeSupervisor(sys::Loop& loop) : loop_(loop) {}

  /// For Engine::start. The engine is told what is known, then Synced.
  Engine::Connect connect() {
    return [this](supervisor::Handlers handlers) -> std::unique_ptr<supervisor::Client> {
      auto client = std::make_unique<Client>(*this);
      client_ = client.get();
      handlers_ = std::move(handlers);
      if (!silent) {
        welcome();
      }
      return client;
    };
  }

  /// A supervisor that was `silent` tells what it knows.
  void speak() { welcome(); }

  /// The connection breaks, and comes back.
  void reconnect() {
    deliver([this] { handlers_.disconnected(); });
    welcome();
  }

  /// As a supervisor that speaks another version of the protocol.
  void refuse(std::uint32_t version) {
    loop_.post([this, version] {
      handlers_.disconnected();
      handlers_.refused(version);
    });
  }

  void started(std::uint64_t key, std::int32_t pid = 4711) {
    known_[key] = Known{pid, std::nullopt};
    deliver([this, key, pid] { tell(supervisor::Started{key, pid, {}}); });
  }

  void exited(std::uint64_t key, ExitStatus status = ExitStatus::of_code(0)) {
    const auto at = known_.find(key);
    const std::int32_t pid = at != known_.end() ? at->second.pid : 0;
    known_[key] = Known{pid, status};
    deliver([this, key, status, pid] { tell(exit_of(key, status, pid)); });
  }

  /// The process is known, then gone, in one report.
  void ran(std::uint64_t key, ExitStatus status = ExitStatus::of_code(0)) {
    known_[key] = Known{4711, status};
    deliver([this, key, status] {
      tell(supervisor::Started{key, 4711, {}});
      tell(exit_of(key, status, 4711));
    });
  }

  /// As if a process had ended while no daemon lived.
  void remember(std::uint64_t key, std::optional<ExitStatus> status) {
    known_[key] = Known{4711, status};
  }
  void forget_all() { known_.clear(); }

  [[nodiscard]] bool knows(std::uint64_t key) const { return known_.contains(key); }

  bool complete = false;    ///< has the journal of this boot
  std::uint64_t epoch = 1;  ///< of the guardian
  std::string program = program_version;
  std::vector<supervisor::Spawn> spawns;
  std::vector<supervisor::Stop> stops;
  int leaves = 0;
  std::set<std::uint64_t> queued;  ///< told of as such to a new engine
  std::vector<std::uint64_t> recalls;
  std::vector<std::uint64_t> acknowledged;
  std::vector<std::uint64_t> environments;
  std::function<void(const supervisor::Spawn&)> on_spawn;  ///< within send
  bool run_all = false;                                    ///< each spawn ends at once, well
  bool silent = false;                                     ///< says nothing to a new engine

 private:
  struct Known {
    std::int32_t pid = 0;
    std::optional<ExitStatus> status;
  };

  class Client final : public supervisor::Client {
   public:
    explicit Client(FakeSupervisor& owner) : owner_(owner) {}
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() override { owner_.client_ = nullptr; }
    void send(const supervisor::ToSupervisor& message) override { owner_.take(message); }
    void flush() override {}

   private:
    FakeSupervisor& owner_;
  };

  static supervisor::Exited exit_of(std::uint64_t key, ExitStatus status, std::int32_t pid) {
    supervisor::Exited exited;
    exited.key = key;
    exited.status = status;
    exited.pid = pid;
    return exited;
  }

  void tell(const supervisor::FromSupervisor& message) { handlers_.received(message); }

  void deliver(std::function<void()> work) {
    loop_.post([this, client = client_, work = std::move(work)] {
      if (client_ != nullptr && client_ == client) {
        work();
        handlers_.batch_ended();
      }
    });
  }

  void welcome() {
    deliver([this] {
      tell(supervisor::Welcome{supervisor::protocol_version, "boot", epoch, complete, program, 1});
      for (const auto& [key, known] : std::map<std::uint64_t, Known>(known_)) {
        if (known.status) {
          tell(exit_of(key, *known.status, known.pid));
        } else {
          tell(supervisor::Started{key, known.pid, {}});
        }
      }
      for (const std::uint64_t key : queued) {
        tell(supervisor::Queued{key});
      }
      tell(supervisor::Synced{});
    });
  }

  void take(const supervisor::ToSupervisor& message) {
    if (const auto* spawn = std::get_if<supervisor::Spawn>(&message)) {
      if (on_spawn) {
        on_spawn(*spawn);
      }
      spawns.push_back(*spawn);
      if (run_all) {
        ran(spawn->key);
      }
    } else if (const auto* stop = std::get_if<supervisor::Stop>(&message)) {
      stops.push_back(*stop);
    } else if (const auto* recall = std::get_if<supervisor::Recall>(&message)) {
      recalls.push_back(recall->key);
      if (!known_.contains(recall->key)) {
        deliver([this, key = recall->key] { tell(supervisor::Recalled{key}); });
      }
    } else if (const auto* known = std::get_if<supervisor::Acknowledge>(&message)) {
      acknowledged.push_back(known->key);
      known_.erase(known->key);
    } else if (std::holds_alternative<supervisor::Leave>(message)) {
      ++leaves;
    } else if (const auto* environment = std::get_if<supervisor::DefineEnvironment>(&message)) {
      environments.push_back(environment->id);
    }
  }

  sys::Loop& loop_;
  Client* client_ = nullptr;
  supervisor::Handlers handlers_;
  std::map<std::uint64_t, Known> known_;
};

}  // namespace cattino::engine
