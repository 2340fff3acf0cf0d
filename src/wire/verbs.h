// What the other verbs are asked and answer: cancel, kill, resume, remove, wait, devices, health, exit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wire/common.h"
#include "wire/tasks.h"

namespace cattino::wire {

/// POST /v1/cancel, /v1/kill, /v1/resume, /v1/remove: `names` or `match` or `all`.
struct VerbRequest {
  std::vector<std::string> names;
  std::optional<std::string> match;
  bool all = false;
  bool wait = false;  ///< answer when those that are ending have ended
};

struct Changed {
  std::uint64_t id = 0;
  std::string fullname;
  std::string status;
  bool ending = false;
};

struct Unchanged {
  std::string fullname;
  std::string status;
  std::string why;
};

struct VerbAnswer {
  std::vector<Changed> changed;
  std::uint64_t count = 0;
  std::vector<Unchanged> unchanged;
};

struct WaitRequest {
  std::vector<std::string> names;
  std::optional<std::string> match;
  std::optional<Milliseconds> timeout_ms;
};

struct WaitAnswer {
  std::int32_t outcome = 0;  ///< the exit status of `meow wait`
  std::vector<Task> tasks;
  Counts counts;
  std::vector<Task> stuck;
};

struct HostFacts {
  std::string name;
  Millicores cpus;
  std::int64_t ram = 0;
};

struct Device {
  std::string name;
  std::string kind;
  std::string model;
  std::string uuid;
  std::string health;
  std::int64_t total = 0;
  std::int64_t used_by_others = 0;
  std::int64_t claimed = 0;
  std::int64_t free = 0;
  std::vector<std::string> tasks;
  std::string note;
};

struct Devices {
  HostFacts host;
  Nullable<std::string> error;
  std::vector<Device> devices;
};

/// A process of another state, which this one knows nothing of.
struct UnknownProcess {
  std::uint64_t task = 0;
  std::uint32_t attempt = 0;
  std::int64_t pid = 0;
  Milliseconds started = 0;
};

struct Health {
  std::string version;
  std::int64_t pid = 0;
  std::int64_t guardian = 0;
  std::int64_t supervisor = 0;
  Milliseconds started = 0;
  std::string home;
  std::string state;
  Counts counts;
  std::vector<UnknownProcess> unknown;
};

struct NoArguments {};

struct SetAside {
  std::string moved_to;
};

struct EndUnknown {
  std::uint64_t ended = 0;
};

struct ExitRequest {
  bool keep_tasks = false;
};

struct ExitAnswer {
  std::uint64_t stopped = 0;
  std::uint64_t cancelled = 0;
};

}  // namespace cattino::wire
