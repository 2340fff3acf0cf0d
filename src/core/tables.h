// All records of the core by id, and the questions about the graph that need no decision.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "core/event.h"
#include "core/paged_table.h"
#include "core/records.h"

namespace cattino::core {

/// Terms, each kept once for all tasks that have them.
class TermsTable {
 public:
  /// The caller is counted as one user until it calls leave().
  const Terms* join(const Terms& terms);
  void leave(const Terms* terms);

 private:
  std::map<Terms, std::uint64_t> users_;
  std::pair<const Terms, std::uint64_t>* last_ = nullptr;  ///< neighbours mostly have the same
};

struct Tables {
  TermsTable terms;
  PagedTable<TaskRecord> tasks;
  PagedTable<GroupRecord> groups;
  std::map<SubmissionId, Submission> submissions;

  /// These must be in the core.
  TaskRecord& task(NodeRef node) { return *tasks.find(node.task().value); }
  GroupRecord& group(NodeRef node) { return *groups.find(node.group().value); }
  [[nodiscard]] const TaskRecord& task(NodeRef node) const {
    return *tasks.find(node.task().value);
  }
  [[nodiscard]] const GroupRecord& group(NodeRef node) const {
    return *groups.find(node.group().value);
  }

  /// Null: there is none, or the id is none.
  GroupRecord* find(GroupId group) { return groups.find(group.value); }
  [[nodiscard]] const GroupRecord* find(GroupId group) const { return groups.find(group.value); }

  [[nodiscard]] bool holds(NodeRef node) const;
  Links& links(NodeRef node) { return node.is_group() ? group(node).links : task(node).links; }
  [[nodiscard]] const Links& links(NodeRef node) const {
    return node.is_group() ? group(node).links : task(node).links;
  }
  [[nodiscard]] Submission* submission_of(NodeRef node) {
    return node.is_group() ? group(node).submission : task(node).submission;
  }
  [[nodiscard]] NodeRef parent(NodeRef node) const;
  [[nodiscard]] NodeRef next_member(NodeRef node) const {
    return node.is_group() ? group(node).next_member : task(node).next_member;
  }

  [[nodiscard]] bool ended(NodeRef node) const;
  [[nodiscard]] bool ended_ok(NodeRef node) const;
  /// When it ended, if it has.
  [[nodiscard]] Time ended_at(NodeRef node) const;

  /// The prerequisite, of the node or of a group around it, that ended so that it can never run; none
  /// if there is none.
  [[nodiscard]] NodeRef dead_source(NodeRef node) const;

  /// Groups around the task, outermost first.
  [[nodiscard]] std::vector<GroupRecord*> groups_around(const TaskRecord& record);

  /// Calls `visit(NodeRef)` for everything inside the group, groups before what is in them.
  template <class Visit>
  void for_each_inside(const GroupRecord& outer, Visit visit) const {
    std::vector<NodeRef> open{outer.first_member};
    while (!open.empty()) {
      const NodeRef node = open.back();
      if (!node) {
        open.pop_back();
        continue;
      }
      open.back() = next_member(node);
      visit(node);
      if (node.is_group()) {
        open.push_back(group(node).first_member);
      }
    }
  }
};

/// Does this end of `from` satisfy the edge?
inline bool satisfies(When when, bool ok) {
  return when == When::any || ok == (when == When::ok);
}

}  // namespace cattino::core
