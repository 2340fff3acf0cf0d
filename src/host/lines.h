// The JSON lines that the daemon and a Python host exchange (docs/protocol.md §2), as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace cattino::host {

/// A task or group of the submission, as a host names it.
struct NodeName {
  bool group = false;
  std::uint64_t id = 0;
};

/// One Python object and the node it belongs to.
struct ObjectNode {
  NodeName node;
  std::uint32_t ref = 0;
  std::int32_t object = 0;
  std::string name;
  std::string fullname;
  std::string group;  ///< fullname of the group around it; may be empty
};

/// First line of a connection: what was submitted.
std::string objects_line(std::string_view pickle, const std::vector<ObjectNode>& nodes);

/// A hook to be run. The attributes are what `self` shows while it runs.
struct HookCall {
  std::string call;
  NodeName node;
  std::string hook;  ///< on_start | on_end
  std::string then;  ///< "" | on_retry | on_fail: in the same call, after that
  Duration limit;    ///< how long it may take, where its object does not say; 0: any time
  std::string output;
  std::string errors;
  std::string status;
  std::int32_t pid = 0;  ///< 0: none
  std::uint32_t attempt = 0;
  std::optional<std::int32_t> exit_code;  ///< -number after a signal
  std::vector<std::uint16_t> devices;
  Time created;
  std::int32_t priority = 0;
  std::string run_dir;
};
std::string hook_line(const HookCall& call);

/// A function to be run in a process forked from the host.
struct RunCall {
  std::string call;
  std::uint64_t key = 0;
  NodeName node;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string directory;
  std::string stdout_path;
  std::string stderr_path;
  std::uint32_t umask = 022;
  std::uint64_t log_limit = 0;   ///< bytes that each log takes of its output; 0: any
  std::string copier;            ///< the program that sees to that
  std::uint64_t memory = 0;      ///< bytes that the kernel is to hold it to; 0: any
  std::uint32_t millicores = 0;  ///< likewise
  std::string result;
  // What `self` shows while it runs; the process knows its own pid.
  std::uint32_t attempt = 0;
  std::vector<std::uint16_t> devices;
  Time created;
  std::int32_t priority = 0;
  std::string run_dir;
};
std::string run_line(const RunCall& call);

/// The hook of this call may take so long from now on, and no longer.
std::string hurry_line(const std::string& call, Duration at_most);

std::string leave_line();

// ---- from a host

struct Hello {
  std::int64_t pid = 0;
  std::uint32_t generation = 0;
};
/// The host is about to call the hook.
struct Begun {
  std::string call;
  std::optional<Duration> limit;  ///< that its object says it has; 0: none
};
struct HookDone {
  std::string call;
  bool ok = false;
  std::string error;
};
struct Printed {
  std::string call;
  std::string text;
};
struct RunFailed {
  std::string call;
  std::string error;
};
using Reply = std::variant<Hello, Begun, HookDone, Printed, RunFailed>;

/// An error says what is wrong with the line; lines of newer hosts with an unknown `op` are errors too.
Result<Reply> parse_reply(std::string_view line);

}  // namespace cattino::host
