// Questions about the graph: see tables.h.
#include "core/tables.h"

#include <algorithm>

#include "base/check.h"

namespace cattino::core {

const Terms* TermsTable::join(const Terms& terms) {
  if (last_ == nullptr || last_->first != terms) {
    last_ = &*users_.try_emplace(terms, 0).first;
  }
  ++last_->second;
  return &last_->first;
}

void TermsTable::leave(const Terms* terms) {
  const auto found = users_.find(*terms);
  CHECK(found != users_.end() && &found->first == terms);
  if (--found->second == 0) {
    last_ = last_ == &*found ? nullptr : last_;
    users_.erase(found);
  }
}

bool Tables::holds(NodeRef node) const {
  if (!node) {
    return false;
  }
  return node.is_group() ? groups.find(node.group().value) != nullptr
                         : tasks.find(node.task().value) != nullptr;
}

NodeRef Tables::parent(NodeRef node) const {
  const GroupId id = node.is_group() ? group(node).spec.parent : task(node).group;
  return id ? NodeRef::of(id) : NodeRef{};
}

bool Tables::ended(NodeRef node) const {
  return node.is_group() ? group(node).ended : has_ended(task(node).state.status);
}

bool Tables::ended_ok(NodeRef node) const {
  return node.is_group() ? group(node).ended && group(node).ok
                         : task(node).state.status == TaskStatus::done;
}

Time Tables::ended_at(NodeRef node) const {
  if (!node.is_group()) {
    return task(node).state.ended;
  }
  const GroupRecord& record = group(node);
  if (record.members > 0) {
    return std::max(record.last_end, record.state.ended);
  }
  // By its prerequisites: with the last of them, or the first dead edge, which nobody remembers.
  return record.links.pending > 0 ? Time{} : std::max(record.opened, record.state.ended);
}

NodeRef Tables::dead_source(NodeRef node) const {
  while (node && links(node).dead == 0) {
    node = parent(node);
  }
  const EdgeRecord* edge = node ? links(node).in : nullptr;
  while (edge != nullptr && edge->status != EdgeStatus::dead) {
    edge = edge->next_in;
  }
  return edge == nullptr ? NodeRef{} : edge->from;
}

std::vector<GroupRecord*> Tables::groups_around(const TaskRecord& record) {
  std::vector<GroupRecord*> around;
  for (GroupId id = record.group; id; id = around.back()->spec.parent) {
    around.push_back(groups.find(id.value));
  }
  std::reverse(around.begin(), around.end());
  return around;
}

}  // namespace cattino::core
