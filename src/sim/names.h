// What the things of a scenario are called.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "core/task.h"

namespace cattino::sim {

class Names {
 public:
  Status add(const std::string& name, core::Node node);
  Status add_device(const std::string& name);

  [[nodiscard]] Result<core::Node> node(const std::string& name) const;
  [[nodiscard]] Result<TaskId> task(const std::string& name) const;
  [[nodiscard]] Result<GroupId> group(const std::string& name) const;
  [[nodiscard]] bool has_device(const std::string& name) const { return devices_.count(name) == 1; }

 private:
  std::map<std::string, core::Node> nodes_;
  std::set<std::string> devices_;
};

}  // namespace cattino::sim
