// The only room where the core meets the world.
//
// A turn: take what happened (requests, the supervisor's and the hosts' messages, timers, probes), step
// the core with each, write what changed in one commit, then let answers and effects leave. What a user
// was told is synced before the answer leaves; starts and exits are written before they take effect and
// synced within 50 ms. The deciding thread (the loop's) never waits for disk, driver or network: long
// reads run on a reader thread with its own snapshot, probes and syncs on threads of their own.
//
// All functions are called on the loop's thread, and call back there, never from within the call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "devices/inventory.h"
#include "engine/views.h"
#include "settings/settings.h"
#include "store/store.h"
#include "supervisor/client.h"

namespace cattino::sys {
class Loop;
}

namespace cattino::host {
class Channel;
}

namespace cattino::engine {

template <class T>
using Answer = std::function<void(Result<T>)>;

/// How new work arrives, piece by piece, before anybody sees it. Destroying it without `finish`
/// leaves nothing behind. Errors have the whole path: "tasks[3].name".
class Staging {
 public:
  struct Header {
    store::Submission submission;          ///< ids and environment id are filled in by the engine
    std::vector<std::string> environment;  ///< "NAME=value"
    std::string on_conflict;               ///< forbid | allow | rename; empty: the setting
    std::string date_format;               ///< strftime; empty: the default
  };
  struct NewGroup {
    std::uint32_t ref = 0;
    std::uint32_t parent = 0;  ///< ref, 0: none
    std::string name;
    core::Hooks hooks;
    std::int32_t object = -1;
    std::uint32_t max_parallel = 0;  ///< tasks inside that run at once, 0: any number
  };
  struct NewTask {
    std::uint32_t ref = 0;
    std::uint32_t group = 0;  ///< ref, 0: none
    std::string name;
    store::Program program;
    core::Request request;
    std::int32_t priority = 0;
    std::string directory;
    std::vector<std::pair<std::string, std::string>> variables;
    core::Hooks hooks;
    std::int32_t object = -1;
    std::optional<bool> cascade;
    core::RetryPolicy retry;
    Time not_before;    ///< 0: at once
    bool held = false;  ///< waits until the user resumes it
    bool preemptible = false;
    std::optional<Mib> log_limit;  ///< of each log; 0: none; unset: the setting
  };

  virtual ~Staging() = default;
  virtual Status add_objects(std::string pickle) = 0;
  virtual Status add(NewGroup group) = 0;
  virtual Status add(NewTask task) = 0;
  virtual Status add_edge(std::uint32_t from, std::uint32_t to, core::When when) = 0;
  /// Writes what has been added so far (call it about every 1000 lines), so that other work goes on.
  virtual Status flush() = 0;
  /// Counts agree, names are free, no cycle, feasible: makes it all visible and answers after sync.
  virtual void finish(std::uint64_t edges, Answer<SubmissionView> answer) = 0;
};

struct ListQuery {
  Selection selection;  ///< nothing selected: all
  std::vector<core::TaskStatus> statuses;
  bool history = false;  ///< ended tasks of earlier submissions too
  Time changed_since;    ///< with `history`: leaves out what ended before
  bool reasons = true;
  std::uint64_t limit = 1000;
};

struct WaitQuery {
  Selection selection;  ///< nothing selected: all that has not ended now
  std::optional<Duration> timeout;
};

/// Ends what it stands for (a wait, a subscription) when destroyed.
class Handle {
 public:
  virtual ~Handle() = default;
};

class Engine {
 public:
  struct Options {
    std::string state;   ///< the state directory
    std::string home;    ///< where logs go
    std::string socket;  ///< paths that hosts are told
    std::string supervisor_socket;
    std::string copier;  ///< the program that hosts start for logs with a limit
    settings::Settings settings;
    std::int64_t guardian_pid = 0;
    std::int64_t supervisor_pid = 0;
    std::vector<std::uint64_t> supervised = {};  ///< keys that the supervisor has, or may have
  };
  /// How the engine reaches the supervisor: the real supervisor::connect, or a fake.
  using Connect = std::function<std::unique_ptr<supervisor::Client>(supervisor::Handlers)>;

  /// Loads the stored state. Starts nothing before the supervisor's Synced and the first inventory.
  static Result<std::unique_ptr<Engine>> start(
      sys::Loop& loop,
      Options options,
      std::unique_ptr<store::Store> store,
      std::unique_ptr<devices::Probe> probe,
      const Connect& connect);
  virtual ~Engine() = default;

  virtual Result<std::unique_ptr<Staging>> stage(Staging::Header header) = 0;
  /// The answer to an earlier submission with this key, if there was one.
  virtual Result<std::optional<SubmissionView>> already_taken(const std::string& key) = 0;

  virtual void list(ListQuery query, Answer<ListView> answer) = 0;
  virtual void show(std::string reference, Answer<std::variant<DetailView, ListView>> answer) = 0;
  virtual void request(core::Verb verb, Selection selection, Answer<Outcome> answer) = 0;
  /// Answers when the outcome is known.
  virtual std::unique_ptr<Handle> wait(WaitQuery query, Answer<WaitView> answer) = 0;
  /// Items after `since` (0: from now on). The callback may be called many times in a turn.
  virtual std::unique_ptr<Handle> follow(
      std::uint64_t since, bool output, std::function<void(const FeedItem&)> item) = 0;
  /// Answers when they have been looked at lately.
  virtual void devices(Answer<DevicesView> answer) = 0;
  [[nodiscard]] virtual HealthView health() const = 0;

  /// Stops the processes of `HealthView::unknown`; returns how many.
  virtual std::uint64_t end_unknown() = 0;
  /// Reads all of the stored state. If it is damaged, the program ends: its successor refuses to serve.
  virtual void check_state(Answer<Done> answer) = 0;

  /// A host has connected for this submission. The engine takes the channel.
  virtual Status attach_host(SubmissionId submission, std::unique_ptr<host::Channel> channel) = 0;

  /// Stops all attempts (unless `keep_tasks`), answers with how many were stopped; then `left` of
  /// Options is due: the program ends with the status the guardian expects.
  virtual void leave(bool keep_tasks, Answer<std::uint64_t> answer) = 0;
  /// Called when the engine wants the program to end (idle for long enough, or `leave` is over), with
  /// the program's exit status.
  virtual void on_leave(std::function<void(int)> callback) = 0;
  /// Somebody talked to the daemon: the idle time starts again.
  virtual void touch() = 0;
};

}  // namespace cattino::engine
