// Whether a task can come to its end without the user.
//
// What must end before it is walked backwards: prerequisites of the task and of the groups around it,
// and everything inside groups among these. What runs, is ready or backs off ends by itself. The walk
// stops at the first node that cannot.
#include <set>

#include "core/impl.h"

namespace cattino::core {
namespace {

class Walk {
 public:
  Walk(const Tables& tables, std::size_t& budget) : tables_(tables), budget_(budget) {}

  bool can_end(NodeRef first) {
    visit(first);
    while (!open_.empty() && budget_ > 0) {
      const NodeRef node = open_.back();
      open_.pop_back();
      if (!tables_.ended(node) && !look_at(node)) {
        return false;
      }
    }
    return true;
  }

 private:
  /// False if the node waits for the user; else what it waits for is to be looked at.
  bool look_at(NodeRef node) {
    if (node.is_group()) {
      add_members(node);
    } else if (tables_.task(node).state.status == TaskStatus::running) {
      return true;
    } else if (tables_.task(node).state.held || tables_.dead_source(node)) {
      return false;
    }
    for (NodeRef around = node; around; around = tables_.parent(around)) {
      add_prerequisites(around);
    }
    return true;
  }

  void add_prerequisites(NodeRef node) {
    for (const EdgeRecord* edge = tables_.links(node).in; edge != nullptr && budget_ > 0;
         edge = edge->next_in) {
      visit(edge->from);
    }
  }

  void add_members(NodeRef group) {
    for (NodeRef member = tables_.group(group).first_member; member && budget_ > 0;
         member = tables_.next_member(member)) {
      visit(member);
    }
  }

  void visit(NodeRef node) {
    budget_ -= budget_ > 0 ? 1U : 0U;
    if (!tables_.ended(node) && seen_.insert(node).second) {
      open_.push_back(node);
    }
  }

  const Tables& tables_;
  std::size_t& budget_;
  std::vector<NodeRef> open_;
  std::set<NodeRef> seen_;
};

}  // namespace

bool Scheduler::Impl::can_go_on(TaskId task, std::size_t& budget) const {
  const NodeRef node = NodeRef::of(task);
  return tables_.holds(node) && !tables_.ended(node) && Walk(tables_, budget).can_end(node);
}

}  // namespace cattino::core
