// The ready tasks by shape: see ready_queue.h.
#include "core/ready_queue.h"

#include <algorithm>

#include "base/check.h"

namespace cattino::core {

Shape& ReadyQueue::join(const ShapeKey& key) {
  if (last_joined_ == nullptr || last_joined_->key != key) {
    last_joined_ = &shapes_[key];
    last_joined_->key = key;
  }
  ++last_joined_->users;
  return *last_joined_;
}

void ReadyQueue::leave(Shape& shape) {
  CHECK(shape.users > 0);
  if (--shape.users > 0) {
    return;
  }
  CHECK(shape.ready.empty());
  if (last_joined_ == &shape) {
    last_joined_ = nullptr;
  }
  const ShapeKey key = shape.key;
  shapes_.erase(key);
}

void ReadyQueue::insert(Shape& shape, const ReadyKey& key) {
  ++size_;
  if (shape.ready.empty() || key < *shape.ready.begin()) {
    delist(shape);
    shape.ready.insert(shape.ready.begin(), key);
    shape.obstacle = Shape::Obstacle::none;  // it may come before those for whom room is kept
    enlist(shape);
    return;
  }
  const std::size_t before = shape.ready.size();
  shape.ready.insert(shape.ready.end(), key);  // mostly the last one: constant time
  CHECK(shape.ready.size() == before + 1);
}

void ReadyQueue::erase(Shape& shape, const ReadyKey& key) {
  const auto found = shape.ready.find(key);
  CHECK(found != shape.ready.end());
  --size_;
  if (found != shape.ready.begin()) {
    shape.ready.erase(found);
    return;
  }
  delist(shape);
  shape.ready.erase(found);
  if (shape.ready.empty()) {
    shape.obstacle = Shape::Obstacle::none;  // the next one looks for itself
  }
  enlist(shape);
}

ReadyQueue::Lane* ReadyQueue::first_lane() const {
  // Lanes are few: one, unless users are told apart.
  const Lane* first = nullptr;
  std::size_t first_place = 0;
  for (const auto& [user, lane] : lanes_) {
    const std::size_t place = place_of(user);
    if (!lane.open.empty() && (first == nullptr || place < first_place)) {
      first = &lane;
      first_place = place;
    }
  }
  return const_cast<Lane*>(first);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

const ReadyKey* ReadyQueue::first() const {
  const Lane* lane = first_lane();
  return lane == nullptr ? nullptr : &lane->open.begin()->first;
}

void ReadyQueue::close_first(Shape::Obstacle obstacle) {
  Lane* lane = first_lane();
  CHECK(lane != nullptr);
  lane->open.begin()->second->obstacle = obstacle;
  lane->closed.insert(lane->open.extract(lane->open.begin()));
}

std::size_t ReadyQueue::place_of(UserId user) const {
  return static_cast<std::size_t>(std::find(users_.begin(), users_.end(), user) - users_.begin());
}

bool ReadyQueue::comes_before(
    UserId a_user, const ReadyKey& a, UserId b_user, const ReadyKey& b) const {
  if (a_user == b_user) {
    return a < b;
  }
  return std::pair(place_of(a_user), a_user) < std::pair(place_of(b_user), b_user);
}

std::vector<const ReadyQueue::Lane*> ReadyQueue::lanes_in_order() const {
  std::vector<std::pair<std::size_t, const Lane*>> placed;
  placed.reserve(lanes_.size());
  for (const auto& [user, lane] : lanes_) {
    placed.emplace_back(place_of(user), &lane);
  }
  std::stable_sort(
      placed.begin(), placed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const Lane*> lanes;
  lanes.reserve(placed.size());
  for (const auto& [place, lane] : placed) {
    lanes.push_back(lane);
  }
  return lanes;
}

void ReadyQueue::Lane::add_closed_for_room(std::size_t most, std::vector<TaskId>& tasks) const {
  for (auto at = closed.begin(); at != closed.end() && tasks.size() < most; ++at) {
    if (at->second->obstacle == Shape::Obstacle::room) {
      tasks.push_back(at->first.task);
    }
  }
}

std::vector<TaskId> ReadyQueue::closed_for_room(std::size_t most) const {
  std::vector<TaskId> tasks;
  for (const Lane* lane : lanes_in_order()) {
    lane->add_closed_for_room(most, tasks);
  }
  return tasks;
}

void ReadyQueue::enlist(Shape& shape) {
  if (!shape.ready.empty()) {
    Lane& lane = lanes_[shape.key.user];
    const bool open = shape.obstacle == Shape::Obstacle::none;
    (open ? lane.open : lane.closed).emplace(*shape.ready.begin(), &shape);
  }
}

void ReadyQueue::delist(Shape& shape) {
  if (!shape.ready.empty()) {
    Lane& lane = lanes_[shape.key.user];
    const bool open = shape.obstacle == Shape::Obstacle::none;
    (open ? lane.open : lane.closed).erase(*shape.ready.begin());
  }
}

}  // namespace cattino::core
