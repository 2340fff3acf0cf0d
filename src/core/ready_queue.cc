// The ready tasks by shape: see ready_queue.h.
#include "core/ready_queue.h"

#include "base/check.h"

namespace cattino::core {

Shape& ReadyQueue::join(const Request& request) {
  if (last_joined_ == nullptr || last_joined_->request != request) {
    last_joined_ = &shapes_[request];
    last_joined_->request = request;
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
  const Request request = shape.request;
  shapes_.erase(request);
}

void ReadyQueue::insert(Shape& shape, const ReadyKey& key) {
  ++size_;
  if (shape.ready.empty() || key < *shape.ready.begin()) {
    delist(shape);
    shape.ready.insert(shape.ready.begin(), key);
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
  if (found == shape.ready.begin()) {
    delist(shape);
    shape.ready.erase(found);
    enlist(shape);
  } else {
    shape.ready.erase(found);
  }
}

const ReadyKey* ReadyQueue::first() const {
  return heads_.empty() ? nullptr : &heads_.begin()->first;
}

void ReadyQueue::block_first() {
  CHECK(!heads_.empty());
  heads_.begin()->second->blocked = true;
  heads_.erase(heads_.begin());
  any_blocked_ = true;
}

void ReadyQueue::unblock_all() {
  if (!any_blocked_) {
    return;
  }
  any_blocked_ = false;
  for (auto& [request, shape] : shapes_) {
    if (shape.blocked) {
      shape.blocked = false;
      enlist(shape);
    }
  }
}

void ReadyQueue::enlist(Shape& shape) {
  if (!shape.blocked && !shape.ready.empty()) {
    heads_.emplace(*shape.ready.begin(), &shape);
  }
}

void ReadyQueue::delist(Shape& shape) {
  if (!shape.blocked && !shape.ready.empty()) {
    heads_.erase(*shape.ready.begin());
  }
}

}  // namespace cattino::core
