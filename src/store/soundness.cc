// References within a submission: ids are consecutive, so each check is a comparison.
#include "store/soundness.h"

#include "store/lookup.h"

namespace cattino::store {

namespace {

bool is_group(const Submission& submission, GroupId id) {
  const std::uint64_t first = submission.first_group.value;
  return id.value >= first && id.value - first < submission.group_count;
}

bool is_node(const Submission& submission, const core::Node& node) {
  const std::uint64_t first = submission.first_task.value;
  switch (node.kind) {
    case core::Node::Kind::task:
      return node.id >= first && node.id - first < submission.task_count;
    case core::Node::Kind::group:
      return is_group(submission, GroupId{node.id});
    case core::Node::Kind::none:
      break;
  }
  return false;
}

}  // namespace

Status check_sound(const Submission& submission, const core::Submitted& work) {
  if (work.groups.size() != submission.group_count) {
    return bad_row("submission", submission.id.value);
  }
  for (const core::GroupSpec& group : work.groups) {
    if (group.parent && (!is_group(submission, group.parent) || group.parent >= group.id)) {
      return bad_row("group", group.id.value);
    }
  }
  for (const core::TaskSpec& task : work.tasks) {
    if (task.group && !is_group(submission, task.group)) {
      return bad_row("task", task.id.value);
    }
  }
  for (const core::Edge& edge : work.edges) {
    if (!is_node(submission, edge.from) || !is_node(submission, edge.to) || edge.from == edge.to) {
      return bad_row("the edges of submission", submission.id.value);
    }
  }
  return ok();
}

}  // namespace cattino::store
