// Names of a scenario: see names.h.
#include "sim/names.h"

#include <fmt/core.h>

#include "sim/words.h"

namespace cattino::sim {

Status Names::add(const std::string& name, core::Node node) {
  if (name.empty()) {
    return wrong("a name is missing");
  }
  if (!nodes_.emplace(name, node).second) {
    return wrong(fmt::format("'{}' is there already", name));
  }
  return ok();
}

Status Names::add_device(const std::string& name) {
  if (name.empty()) {
    return wrong("a name is missing");
  }
  if (!devices_.insert(name).second) {
    return wrong(fmt::format("'{}' is there already", name));
  }
  return ok();
}

Result<core::Node> Names::node(const std::string& name) const {
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) {
    return wrong(fmt::format("nothing is called '{}' above", name));
  }
  return found->second;
}

Result<TaskId> Names::task(const std::string& name) const {
  const Result<core::Node> found = node(name);
  if (!found) {
    return found.error();
  }
  if (found->kind != core::Node::Kind::task) {
    return wrong(fmt::format("'{}' is a group, not a task", name));
  }
  return TaskId{found->id};
}

Result<GroupId> Names::group(const std::string& name) const {
  const Result<core::Node> found = node(name);
  if (!found) {
    return found.error();
  }
  if (found->kind != core::Node::Kind::group) {
    return wrong(fmt::format("'{}' is a task, not a group", name));
  }
  return GroupId{found->id};
}

}  // namespace cattino::sim
