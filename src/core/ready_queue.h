// The tasks that wait for nothing but resources, by shape, in the one total order.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>

#include "base/ids.h"
#include "base/time.h"
#include "core/task.h"

namespace cattino::core {

/// The total order of ready tasks: priority (higher first), rank (the same), creation, id.
struct ReadyKey {
  std::int32_t priority = 0;
  std::int64_t rank = 0;  ///< 0 for all, unless the policy is the critical path
  Time created;
  TaskId task;

  friend bool operator==(const ReadyKey&, const ReadyKey&) = default;
  friend bool operator<(const ReadyKey& a, const ReadyKey& b) {
    if (a.priority != b.priority) {
      return a.priority > b.priority;
    }
    if (a.rank != b.rank) {
      return a.rank > b.rank;
    }
    if (a.created != b.created) {
      return a.created < b.created;
    }
    return a.task < b.task;
  }
};

/// All tasks with one and the same request. If one of them does not fit, none does.
struct Shape {
  Request request;
  std::set<ReadyKey> ready;
  std::uint64_t users = 0;       ///< tasks in the core that have this shape, ready or not
  bool blocked = false;          ///< did not fit, and nothing has been freed since
  std::uint32_t short_ends = 0;  ///< attempts in a row that ended after a short run
};

class ReadyQueue {
 public:
  /// The shape of a request; the caller is counted as one user until it calls leave().
  Shape& join(const Request& request);
  void leave(Shape& shape);

  void insert(Shape& shape, const ReadyKey& key);
  void erase(Shape& shape, const ReadyKey& key);

  /// The first task in the total order whose shape is not blocked; null if there is none.
  [[nodiscard]] const ReadyKey* first() const;
  /// The shape of first() does not fit: passes over it until unblock_all().
  void block_first();
  /// Something was freed.
  void unblock_all();

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const std::map<Request, Shape>& shapes() const { return shapes_; }

 private:
  void enlist(Shape& shape);
  void delist(Shape& shape);

  std::map<Request, Shape> shapes_;
  std::map<ReadyKey, Shape*> heads_;  ///< first task of each shape that has one and is not blocked
  Shape* last_joined_ = nullptr;      ///< a short cut: neighbours mostly ask for the same
  std::size_t size_ = 0;
  bool any_blocked_ = false;
};

}  // namespace cattino::core
