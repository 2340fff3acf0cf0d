// The blobs of the database: any bytes are refused, or are a record that is packed and unpacked as the
// same one. First byte: which blob it is. Second: how much of the rest is the fullname.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "demand.h"
#include "store/codec.h"

namespace cattino::store {
namespace {

using fuzz::demand;
using fuzz::take_byte;

constexpr const char* rule = "a record is packed and unpacked as the same";

template <class Record, class Pack, class Unpack>
void check_again(const Record& record, Pack pack, Unpack unpack) {
  Packer packed;
  pack(record, packed);
  Record again;
  demand(unpack(packed.bytes(), again), rule);
  Packer repacked;
  pack(again, repacked);
  demand(packed.bytes() == repacked.bytes(), rule);
}

template <class Enum>
bool is_within(Enum value, Enum last) {
  return value <= last;
}

void check_exit(const ExitStatus& status) {
  demand(is_within(status.kind, ExitStatus::Kind::lost), "an exit is of a known kind");
  demand(is_within(status.stage, StartStage::exec), "a start fails at a known stage");
}

void check_spec(std::string_view bytes) {
  Task task;
  if (!unpack_spec(bytes, task.spec, task.submission)) {
    return;
  }
  demand(
      is_within(task.spec.request.memory.kind, MemoryRequest::Kind::share),
      "memory is asked for in a known way");
  check_again(task, pack_spec, [](std::string_view packed, Task& again) {
    return unpack_spec(packed, again.spec, again.submission);
  });
}

void check_details(std::string_view bytes, std::string_view fullname) {
  Task task;
  if (!unpack_details(bytes, fullname, task)) {
    return;
  }
  demand(is_within(task.program.kind, ProgramKind::function), "a program is of a known kind");
  check_again(task, pack_details, [fullname](std::string_view packed, Task& again) {
    return unpack_details(packed, fullname, again);
  });
}

void check_group(std::string_view bytes, std::string_view fullname) {
  Group group;
  if (!unpack_group(bytes, fullname, group)) {
    return;
  }
  check_again(group, pack_group, [fullname](std::string_view packed, Group& again) {
    return unpack_group(packed, fullname, again);
  });
}

void check_group_state(std::string_view bytes) {
  core::GroupState state;
  if (!unpack_group_state(bytes, state)) {
    return;
  }
  Packer packed;
  pack_group_state(state, packed);
  core::GroupState again;
  demand(unpack_group_state(packed.bytes(), again), rule);
  demand(again.paused == state.paused && again.ended == state.ended, rule);
}

void check_submission(std::string_view bytes) {
  Submission submission;
  if (!unpack_submission(bytes, submission)) {
    return;
  }
  check_again(submission, pack_submission, unpack_submission);
}

void check_state(std::string_view bytes) {
  core::TaskState state;
  if (!unpack_state(bytes, state)) {
    return;
  }
  demand(is_within(state.phase, core::TaskPhase::end_hook), "a phase is a known one");
  demand(is_within(state.cause, core::Cause::preempted), "a cause is a known one");
  demand(is_within(state.cause_node.kind, core::Node::Kind::group), "a node is of a known kind");
  demand(
      state.allocation.mib.size() == state.allocation.devices.size(),
      "each device that is held has a claim");
  check_exit(state.last_exit);
  check_again(state, pack_state, unpack_state);
}

void check_attempt(std::string_view bytes) {
  Attempt attempt;
  if (unpack_outcome(bytes, attempt)) {
    check_exit(attempt.status);
    check_again(attempt, pack_outcome, unpack_outcome);
  }
  if (unpack_placement(bytes, attempt)) {
    Packer packed;
    pack_placement(attempt, packed);
    Attempt again;
    demand(unpack_placement(packed.bytes(), again), rule);
    demand(again.devices == attempt.devices && again.host == attempt.host, rule);
  }
}

void check_edges(std::string_view bytes) {
  std::vector<core::Edge> edges;
  if (!unpack_edges(bytes, edges)) {
    return;
  }
  for (const core::Edge& edge : edges) {
    demand(is_within(edge.from.kind, core::Node::Kind::group), "an edge is between known kinds");
    demand(is_within(edge.to.kind, core::Node::Kind::group), "an edge is between known kinds");
    demand(is_within(edge.when, core::When::fail), "an edge is of a known kind");
  }
  check_again(
      edges,
      [](const std::vector<core::Edge>& all, Packer& packed) {
        pack_edges(all.data(), all.size(), packed);
      },
      [&edges](std::string_view packed, std::vector<core::Edge>& again) {
        return unpack_edges(packed, again) && again.size() == edges.size();
      });
}

void check(std::string_view bytes) {
  const std::uint8_t blob = take_byte(bytes);
  const std::size_t wanted = take_byte(bytes) % 32;
  const std::size_t name_size = std::min(wanted, bytes.size());
  const std::string_view fullname = bytes.substr(0, name_size);
  const std::string_view rest = bytes.substr(name_size);
  switch (blob % 8) {
    case 0:
      check_spec(rest);
      break;
    case 1:
      check_details(rest, fullname);
      break;
    case 2:
      check_group(rest, fullname);
      break;
    case 3:
      check_group_state(rest);
      break;
    case 4:
      check_submission(rest);
      break;
    case 5:
      check_state(rest);
      break;
    case 6:
      check_attempt(rest);
      break;
    default:
      check_edges(rest);
      break;
  }
}

}  // namespace
}  // namespace cattino::store

// NOLINTNEXTLINE(readability-identifier-naming): the name that fuzzers call
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cattino::store::check(cattino::fuzz::text_of(data, size));
  return 0;
}
