// The tasks that wait for nothing but resources, by shape, in the one total order.
//
// A shape is *open* until its first task is found not to fit; then it is passed over until something
// changes that could help it. Users, if they are told apart, have an order of their own before that of tasks.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "core/task.h"

namespace cattino::core {

/// The total order of ready tasks of one user: priority (higher first), rank (the same), creation, id.
struct ReadyKey {
  std::int64_t order =
      0;  ///< smaller first: minus the priority, or with aging a time less what it is worth
  std::int64_t rank = 0;  ///< 0 for all, unless the policy is the critical path
  Time created;
  TaskId task;

  friend bool operator==(const ReadyKey&, const ReadyKey&) = default;
  friend bool operator<(const ReadyKey& a, const ReadyKey& b) {
    if (a.order != b.order) {
      return a.order < b.order;
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

/// What decides whether a task can start now, if its turn has come.
struct ShapeKey {
  Request request;
  GroupId throttle;  ///< innermost group around it that is paused or limits how many run; 0: none
  UserId user;       ///< 0 unless users are told apart
  friend auto operator<=>(const ShapeKey&, const ShapeKey&) = default;
};

/// All tasks that are alike in that. If one of them cannot start, none can.
struct Shape {
  enum class Obstacle : std::uint8_t { none, room, throttle };

  ShapeKey key;
  std::set<ReadyKey> ready;
  std::uint64_t users = 0;             ///< tasks in the core that have this shape, ready or not
  Obstacle obstacle = Obstacle::none;  ///< met by its first task, and nothing has changed since
  std::uint32_t short_ends = 0;        ///< attempts in a row that ended after a short run
  Duration usual_run;  ///< of attempts that ended well, later ones counting more; 0: none has
};

class ReadyQueue {
 public:
  /// The shape of a task; the caller is counted as one user until it calls leave().
  Shape& join(const ShapeKey& key);
  void leave(Shape& shape);

  void insert(Shape& shape, const ReadyKey& key);
  void erase(Shape& shape, const ReadyKey& key);

  /// The first task in the total order whose shape is open; null if there is none.
  [[nodiscard]] const ReadyKey* first() const;
  /// Passes over the shape of first().
  void close_first(Shape::Obstacle obstacle);

  /// Opens the closed shapes for which `may_help(shape)`.
  template <class MayHelp>
  void reopen_if(MayHelp may_help) {
    for (auto& [user, lane] : lanes_) {
      reopen_in(lane, may_help);
    }
  }
  void reopen_all() {
    reopen_if([](const Shape&) { return true; });
  }

  /// Up to `most` first tasks of shapes that are closed for want of room, in the total order.
  [[nodiscard]] std::vector<TaskId> closed_for_room(std::size_t most) const;

  /// Who comes first among users; those not named come after them, by their ids.
  /// True if that is new.
  bool order_users(std::vector<UserId> users) {
    users_.swap(users);
    return users_ != users;
  }
  /// Does `a` come before `b`, tasks of these users?
  [[nodiscard]] bool comes_before(
      UserId a_user, const ReadyKey& a, UserId b_user, const ReadyKey& b) const;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const std::map<ShapeKey, Shape>& shapes() const { return shapes_; }

 private:
  /// The first task of each shape of one user that has one.
  struct Lane {
    std::map<ReadyKey, Shape*> open;
    std::map<ReadyKey, Shape*> closed;

    void add_closed_for_room(std::size_t most, std::vector<TaskId>& tasks) const;
  };

  template <class MayHelp>
  static void reopen_in(Lane& lane, MayHelp& may_help) {
    for (auto at = lane.closed.begin(); at != lane.closed.end();) {
      const auto closed = at++;
      Shape& shape = *closed->second;
      if (may_help(static_cast<const Shape&>(shape))) {
        shape.obstacle = Shape::Obstacle::none;
        lane.open.insert(lane.closed.extract(closed));
      }
    }
  }

  void enlist(Shape& shape);
  void delist(Shape& shape);
  [[nodiscard]] Lane* first_lane() const;
  [[nodiscard]] std::size_t place_of(UserId user) const;
  [[nodiscard]] std::vector<const Lane*> lanes_in_order() const;

  std::map<ShapeKey, Shape> shapes_;
  std::map<UserId, Lane> lanes_;
  std::vector<UserId> users_;
  Shape* last_joined_ = nullptr;  ///< a short cut: neighbours mostly ask for the same
  std::size_t size_ = 0;
};

}  // namespace cattino::core
