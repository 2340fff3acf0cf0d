// What the core keeps of each task, group, edge and submission: the contract's spec and state, and
// the links that make the graph. Owned by Tables.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "core/ready_queue.h"
#include "core/task.h"

namespace cattino::core {

struct Submission;

/// A Node in eight bytes.
class NodeRef {
 public:
  NodeRef() = default;
  static NodeRef of(TaskId task) { return NodeRef(task.value << 1U); }
  static NodeRef of(GroupId group) { return NodeRef(group.value << 1U | 1U); }
  static NodeRef of(const Node& node) {
    switch (node.kind) {
      case Node::Kind::task:
        return of(TaskId{node.id});
      case Node::Kind::group:
        return of(GroupId{node.id});
      case Node::Kind::none:
        break;
    }
    return {};
  }

  explicit operator bool() const { return bits_ != 0; }
  [[nodiscard]] bool is_group() const { return (bits_ & 1U) != 0; }
  [[nodiscard]] TaskId task() const { return {bits_ >> 1U}; }
  [[nodiscard]] GroupId group() const { return {bits_ >> 1U}; }
  [[nodiscard]] Node node() const {
    if (bits_ == 0) {
      return {};
    }
    return is_group() ? Node::of(group()) : Node::of(task());
  }
  friend auto operator<=>(const NodeRef&, const NodeRef&) = default;

 private:
  explicit NodeRef(std::uint64_t bits) : bits_(bits) {}
  std::uint64_t bits_ = 0;
};

enum class EdgeStatus : std::uint8_t {
  pending,    ///< `from` has not ended
  satisfied,  ///< it ended as the edge wants
  dead,       ///< it ended otherwise: `to` can never run, unless `from` is resumed
};

struct EdgeRecord {
  NodeRef from;
  NodeRef to;
  EdgeRecord* next_out = nullptr;  ///< of `from`
  EdgeRecord* next_in = nullptr;   ///< of `to`
  When when = When::ok;
  EdgeStatus status = EdgeStatus::pending;
  bool linked = false;
};

/// What stands before a node and what waits for it.
struct Links {
  std::uint32_t pending = 0;  ///< edges to it that are not satisfied, and 1 if its group is gated
  std::uint32_t dead = 0;     ///< of these, edges that are dead
  EdgeRecord* out = nullptr;
  EdgeRecord* in = nullptr;
};

struct TaskRecord {
  /// Where a waiting task stands: `blocked` (or held) in no queue, the others in one each.
  enum class Bucket : std::uint8_t { none, ready, backoff };

  TaskId id;
  GroupId group;
  Time created;
  const Terms* terms = nullptr;  ///< kept by Tables
  TaskState state;
  Links links;
  NodeRef next_member;  ///< the next one in its group
  Submission* submission = nullptr;
  Shape* shape = nullptr;  ///< of its request as it is now
  std::int64_t rank = 0;   ///< µs; see ranks.cc
  Bucket bucket = Bucket::none;
  bool dirty = false;  ///< a TaskChanged is due at the end of the step
};

struct GroupRecord {
  GroupSpec spec;
  GroupState state;
  Links links;
  NodeRef next_member;
  Submission* submission = nullptr;
  NodeRef first_member;
  NodeRef last_member;
  std::int64_t head = -1;      ///< µs, -1: not known; see ranks.cc
  std::int64_t tail = -1;      ///< the same
  std::uint64_t members = 0;   ///< direct ones
  std::uint64_t open = 0;      ///< of these, not ended
  std::uint64_t not_done = 0;  ///< of these, ended and not Done
  std::uint64_t running = 0;   ///< tasks inside that run, if it or a group inside it limits them
  Time last_end;               ///< of a member
  Time opened;                 ///< when the last of its own prerequisites was satisfied
  bool ended = false;          ///< all members ended and on_end is over
  bool ok = false;             ///< if it ended: every member Done
  bool dirty = false;
  std::set<TaskId> waiters;  ///< tasks in phase group_hooks that wait for this group's hook
};

/// Work that came together and leaves together.
struct Submission {
  SubmissionId id;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> tasks;   ///< ranges of ids, ends included
  std::vector<std::pair<std::uint64_t, std::uint64_t>> groups;  ///< the same
  std::unique_ptr<EdgeRecord[]> edges;                          // NOLINT(modernize-avoid-c-arrays)
  std::size_t edge_count = 0;
  std::uint64_t open_tasks = 0;   ///< tasks that have not ended
  std::uint64_t open_hooks = 0;   ///< groups whose hook runs
  std::uint64_t foreign_out = 0;  ///< edges from here to submissions that are in the core
  bool maybe_ended = false;       ///< queued to be looked at, at the end of the step
};

}  // namespace cattino::core
