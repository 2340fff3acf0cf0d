// The messages between the daemon, Python hosts and the supervisor, as values. `frame.h` turns them into
// bytes and back; docs/protocol.md has the format.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/exit_status.h"
#include "base/time.h"

namespace cattino::supervisor {

/// Of daemon and supervisor. What is only added (types of frames, fields at the end of one) does not raise it:
/// unknown types are skipped, fields that are missing have their defaults. With another version neither
/// works: the supervisor answers with its Welcome alone, and goes on without a daemon.
constexpr std::uint32_t protocol_version = 1;

// ---- to the supervisor ----------------------------------------------------------------------------

enum class Role : std::uint8_t { daemon = 1, child = 2 };

/// First frame of a connection. A second daemon takes the first one's place: the old connection is closed.
struct Hello {
  std::uint32_t version = protocol_version;
  Role role = Role::daemon;
};

/// An environment that later spawns refer to. Known for the life of the connection.
struct DefineEnvironment {
  std::uint64_t id = 0;
  std::vector<std::string> variables;  ///< "NAME=value"
};

struct Limit {
  std::uint8_t resource = 0;  ///< RLIMIT_…
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

/// What the kernel is to hold an attempt to.
struct Bounds {
  std::uint64_t memory = 0;      ///< bytes; 0: any
  std::uint32_t millicores = 0;  ///< thousandths of a core; 0: any

  [[nodiscard]] bool any() const { return memory != 0 || millicores != 0; }
};

/// Start a process. A key that is known already (running, or ended and not acknowledged) is not started
/// again: its Started or Exited is sent once more.
struct Spawn {
  std::uint64_t key = 0;          ///< AttemptId::key or HostKey::key; also the tag on its processes
  std::uint64_t environment = 0;  ///< id of a DefineEnvironment; 0: empty
  std::vector<std::string> variables;  ///< added to it, replacing those of the same name
  std::vector<std::string> argv;       ///< argv[0] is looked up in the task's own PATH
  std::string directory;               ///< working directory
  std::string stdout_path;             ///< opened for append; its directory is made if need be
  std::string stderr_path;             ///< may equal stdout_path
  std::uint32_t umask = 022;
  std::vector<Limit> limits;
  bool plain = false;  ///< no handling of left-over processes (a host of function tasks)
  std::uint64_t after =
      0;  ///< held until the tree of this key is gone; 0, or a key that has none: at once
  std::uint64_t log_limit = 0;  ///< bytes that each of the two logs may take of its output; 0: any
  Bounds bounds = {};
};

/// End an attempt: `signal` to its own process; after its exit, or `grace`, SIGTERM and then SIGKILL to
/// all that is left of its tree. Unknown keys are answered with Exited{lost}. Repeats do no harm.
struct Stop {
  std::uint64_t key = 0;
  std::int32_t signal = 15;
  Duration grace = Duration::seconds(30);
};

/// Take back a start that is held `after` another: answered by Recalled, and the key is forgotten. One that
/// has begun goes on, and nothing is answered.
struct Recall {
  std::uint64_t key = 0;
};

/// The exit of `key` is on the daemon's disk: forget it.
struct Acknowledge {
  std::uint64_t key = 0;
};

/// Stop everything, then leave. The supervisor answers with the Exited of all, then ends.
struct Leave {};

/// Role child: "I, process `pid`, am attempt `key`". Answered by Adopted before any user code runs.
struct Adopt {
  std::uint64_t key = 0;
  std::int32_t pid = 0;
  Bounds bounds = {};
};

/// Role child, sent by a host that is about to reap a process it forked: how the attempt ended.
struct ChildExited {
  std::uint64_t key = 0;
  ExitStatus status;
};

// ---- from the supervisor --------------------------------------------------------------------------

/// Answer to a daemon's Hello; then one Queued, Started or Exited for every key it knows; then Synced.
struct Welcome {
  std::uint32_t version = protocol_version;
  std::string boot_id;
  std::uint64_t epoch = 0;  ///< one number for each guardian's life
  /// It has the intents of all supervisors of this boot before it: a key that is not told of now was never
  /// begun.
  bool complete = false;
  std::string program = {};  ///< its version; empty if it is too old to say
  std::int32_t pid = 0;      ///< its own
};

struct Synced {};

struct Started {
  std::uint64_t key = 0;
  std::int32_t pid = 0;
  Time at;  ///< wall time
  // Its bounds that cannot be kept here; told when it begins.
  bool memory_is_free = false;
  bool cpus_are_free = false;
};

/// The tree of the attempt is gone. Repeated after a reconnect until acknowledged.
struct Exited {
  std::uint64_t key = 0;
  ExitStatus status;
  std::int32_t pid = 0;
  Time at;
  std::int64_t user_us = 0;  ///< CPU time of its own process and what it waited for
  std::int64_t system_us = 0;
  std::int64_t max_rss_kib = 0;
  bool out_of_memory =
      false;  ///< the kernel ended a process of it that wanted more than its bounds
};

struct Adopted {
  std::uint64_t key = 0;
  bool go = false;  ///< false: this attempt has run already, leave without running
};

/// The attempt had not begun, and will not: the key is unknown again.
struct Recalled {
  std::uint64_t key = 0;
};

/// Answer to a daemon's Hello, like Started: the attempt has not begun, and will.
struct Queued {
  std::uint64_t key = 0;
};

using ToSupervisor = std::
    variant<Hello, DefineEnvironment, Spawn, Stop, Acknowledge, Leave, Adopt, ChildExited, Recall>;
using FromSupervisor = std::variant<Welcome, Synced, Started, Exited, Adopted, Recalled, Queued>;

}  // namespace cattino::supervisor
