// Who holds which fullname: the names of tasks that have not ended. Keeps a hash and an id a task, so a
// million names cost 40 MB; the text is in the store. Names of tasks that have ended are dropped when
// somebody asks for them, or all together when they are the most: an end costs nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ids.h"

namespace cattino::engine {

class LiveNames {
 public:
  static std::uint64_t hash(std::string_view fullname) {
    return std::hash<std::string_view>{}(fullname);
  }

  void add(std::uint64_t hash, TaskId task) { tasks_.emplace(hash, task); }
  [[nodiscard]] bool contains(std::uint64_t hash, TaskId task) const;
  /// False: nobody holds a name with this hash.
  [[nodiscard]] bool may_hold(std::uint64_t hash) const { return tasks_.contains(hash); }

  struct Questions {
    std::function<bool(TaskId)> is_live;
    std::function<std::string(TaskId)> fullname;
  };
  /// The task that holds this name.
  std::optional<TaskId> holder(std::string_view fullname, const Questions& ask);

  /// Drops the names of ended tasks once they are more than those of `live` tasks.
  void sweep(std::uint64_t live, const std::function<bool(TaskId)>& is_live);

  [[nodiscard]] std::size_t size() const { return tasks_.size(); }

 private:
  std::unordered_multimap<std::uint64_t, TaskId> tasks_;
};

}  // namespace cattino::engine
