// Ranks: how long the longest path from a task to the end of its graph takes, by expected runs. What
// the order `critical_path` sorts by.
//
// Three values, each of them of others: the *head* of a task is its own run and its tail; the head of a
// group is the longest head of its members; the *tail* of a node is the longest head of what waits for
// it, or for a group around it. They are found depth first, on a stack of our own.
#include <algorithm>
#include <vector>

#include "core/impl.h"

namespace cattino::core {
namespace {

/// A run of which nothing is known counts as one of these: then the path with most tasks is longest.
constexpr Duration unknown_run = Duration::seconds(1);

}  // namespace

class Scheduler::Impl::Ranker {
 public:
  explicit Ranker(Tables& tables) : tables_(tables) {}

  void rank(NodeRef node) {
    open_.push_back({node, true});
    while (!open_.empty()) {
      const Value value = open_.back();
      longest_ = {};
      is_open_ = false;
      if (known(value) < 0) {
        look(value);
      }
      if (!is_open_) {
        settle(value);
        open_.pop_back();
      }
    }
  }

 private:
  /// Of a task there is only the head: its tail is found with it.
  struct Value {
    NodeRef node;
    bool head = true;
  };

  std::int64_t& known(const Value& value) {
    if (!value.node.is_group()) {
      return tables_.task(value.node).rank;
    }
    GroupRecord& group = tables_.group(value.node);
    return value.head ? group.head : group.tail;
  }

  void look(const Value& value) {
    if (value.head && value.node.is_group()) {
      look_inside(value.node);
    } else {
      look_behind(value.node);
    }
  }

  void look_at(const Value& value) {
    const std::int64_t length = known(value);
    if (length < 0) {
      open_.push_back(value);
      is_open_ = true;
    }
    longest_ = std::max(longest_, length);
  }

  void look_inside(NodeRef group) {
    const NodeRef first = tables_.group(group).first_member;
    if (!first) {
      look_at({group, false});
    }
    for (NodeRef member = first; member; member = tables_.next_member(member)) {
      look_at({member, true});
    }
  }

  void look_behind(NodeRef node) {
    for (const EdgeRecord* edge = tables_.links(node).out; edge != nullptr; edge = edge->next_out) {
      look_at({edge->to, true});
    }
    if (const NodeRef group = tables_.parent(node)) {
      look_at({group, false});
    }
  }

  void settle(const Value& value) {
    if (known(value) >= 0) {
      return;
    }
    known(value) = longest_;
    if (!value.node.is_group()) {
      const Duration expected = tables_.task(value.node).terms->expected;
      known(value) += expected.us > 0 ? expected.us : unknown_run.us;
    }
  }

  Tables& tables_;
  std::vector<Value> open_;
  std::int64_t longest_ = 0;  ///< of what the value on top is made of
  bool is_open_ = false;      ///< some of that is not known yet
};

void Scheduler::Impl::rank(const Submitted& work) {
  if (policy_.order != Order::critical_path) {
    return;
  }
  Ranker ranker(tables_);
  for (const TaskSpec& spec : work.tasks) {
    tables_.tasks.find(spec.id.value)->rank = -1;
  }
  for (const TaskSpec& spec : work.tasks) {
    ranker.rank(NodeRef::of(spec.id));
  }
}

}  // namespace cattino::core
