// A scenario: devices, work, what happens to it, and the timeline that is expected. A text file:
//
//   # from here to the end of the line is a comment
//   host cpus 8 ram 64GiB             a host; the devices below are its own. Left out: 64 cores, 256 GiB
//   device cuda:0 24GiB               an accelerator
//   device cpu:0 64GiB cpu            a `cpu` device, for a host without accelerators
//
//   group pipeline in outer hooks start,end hook-time 2s start-raises end-raises
//   task train runs 10s exits 100,0 devices 2 memory 20GiB cpus 2 ram 1GiB priority 5 in pipeline
//   edge train -> eval any            ok (left out), any or fail; tasks and groups alike
//   submit at 5s                      all work above since the last `submit`; left out: at 0s
//
//   at 3s cancel train eval           cancel, kill, resume, remove: tasks
//   at 3s why eval                    puts the reason why it waits into the timeline
//   at 3s pause                       pause, continue
//   at 3s drain cuda:0                drain, lose, hide (its driver does not answer), heal: a device
//   at 3s strangers cuda:0 4GiB       processes of others use that much; 0: they are gone
//   at 3s restart                     the scheduler is lost, and restored from what was stored
//
//   expect
//   0s   train starts on cuda:0
//   10s  train Done
//
// What a task may say, in any order: `runs 10s` (0s) · `exits 3` (0), one for each attempt, the last one
// for all further: a code, `signal:9`, `lost`, `exec:2` (never started: a stage and its errno) ·
// `devices 2` (0) · `memory 20GiB`, `50%` (whole) · `cpus 1.5` · `ram 4GiB` · `priority 5` · `in GROUP` ·
// `after a,b:any` (edges) · `hooks start,end` · `hook-time 1s` · `start-raises` · `end-raises` ·
// `keep-waiting` (is not cancelled with its prerequisites) · `stops-in 2s` (0s: how long it takes to stop).
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

namespace cattino::sim {

/// How the hooks of a task or group behave.
struct HookPlay {
  Duration takes;
  bool start_raises = false;
  bool end_raises = false;
};

/// How a task behaves when it runs.
struct TaskPlay {
  std::string name;
  Duration runs;
  std::vector<ExitStatus> exits;  ///< by attempt; the last one for all further ones
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
  std::string device;  ///< device: which, and how it is from now on
  core::DeviceHealth health = core::DeviceHealth::ok;
  bool strangers_change = false;
  Mib strangers;
};

struct Scenario {
  std::vector<core::Host> hosts;
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
