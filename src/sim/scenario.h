// A scenario: devices, work, what happens to it, and the timeline that is expected. A text file:
//
//   # from here to the end of the line is a comment
//   host cpus 8 ram 64GiB             a host; the devices below are its own. Left out: 64 cores, 256 GiB
//   device cuda:0 24GiB model A100    an accelerator
//   device cpu:0 64GiB cpu            a `cpu` device, for a host without accelerators
//   near cuda:0 cuda:1 1              so far is each of these from the others; 10 where nothing is said
//   counter licence 3                 there are so many
//   policy reserve-after 0s           how it is decided: see read_policy.h
//
//   group pipeline in outer most 2 hooks start,end hook-time 2s start-raises end-raises
//   task train runs 10s exits 100,0 devices 2 memory 20GiB cpus 2 ram 1GiB priority 5 in pipeline
//   edge train -> eval any            ok (left out), any or fail; tasks and groups alike
//   submit at 5s                      all work above since the last `submit`; left out: at 0s
//
//   at 3s cancel train eval           cancel, kill, resume, remove: tasks
//   at 3s why eval                    puts the reason why it waits into the timeline
//   at 3s pause                       pause, continue: everything, or the groups that are named
//   at 3s drain cuda:0                drain, lose, hide (its driver does not answer), heal: a device
//   at 3s strangers cuda:0 4GiB       processes of others use that much; 0: they are gone
//   at 3s restart                     the scheduler is lost, and restored from what was stored
//
//   expect
//   0s   train starts on cuda:0
//   10s  train Done
//
// What a task may say, in any order: `runs 10s` (0s) · `exits 3` (0), one for each attempt, the last one
// for all further: a code, `signal:9`, `oom` (for lack of memory), `lost`, `exec:2` (never started: a stage
// and its errno) · `in GROUP` · `after a,b:any` (edges) · `hooks start,end` · `hook-time 1s` ·
// `start-raises` · `end-raises` · `stops-in 2s` (0s: how long it takes to stop), and what read_request.h says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "core/event.h"
#include "core/policy.h"

namespace cattino::sim {

/// Time 0 of every scenario.
constexpr Time epoch{1000000};

/// How the hooks of a task or group behave.
struct HookPlay {
  Duration takes;
  bool start_raises = false;
  bool end_raises = false;
};

/// How an attempt ends by itself.
struct AttemptEnd {
  ExitStatus status;
  bool out_of_memory = false;
  friend bool operator==(const AttemptEnd&, const AttemptEnd&) = default;
};

/// How a task behaves when it runs.
struct TaskPlay {
  std::string name;
  Duration runs;
  std::vector<AttemptEnd> exits;  ///< by attempt; the last one for all further ones
  Duration stops_in;
  HookPlay hooks;
};

struct GroupPlay {
  std::string name;
  HookPlay hooks;
};

/// Something that is done at a given time, in the order of the file.
struct Doing {
  enum class Kind : std::uint8_t { submit, ask, why, pause, restart, device };
  Kind kind = Kind::submit;
  Duration at;
  std::size_t batch = 0;      ///< submit: which one
  core::Verb verb = {};       ///< ask
  std::vector<TaskId> tasks;  ///< ask, why
  bool paused = false;
  std::vector<GroupId> groups;  ///< pause: which; none: everything
  std::string device;           ///< device: which, and how it is from now on
  core::DeviceHealth health = core::DeviceHealth::ok;
  bool strangers_change = false;
  Mib strangers;
};

struct Scenario {
  core::Policy policy;
  std::vector<core::Host> hosts;
  std::vector<core::CounterAmount> counters;
  std::vector<core::Submitted> batches;
  std::vector<Doing> doings;
  std::map<TaskId, TaskPlay> tasks;
  std::map<GroupId, GroupPlay> groups;
  std::vector<std::string> expected;  ///< words parted by one blank
};

/// The error's `field` is the place: "FILE:LINE".
Result<Scenario> parse_scenario(std::string_view file_name, std::string_view text);

/// The words of a line, without its comment.
std::vector<std::string> words_of(std::string_view line);

}  // namespace cattino::sim
