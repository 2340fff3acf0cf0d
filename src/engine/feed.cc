// The ring of changes.
#include "engine/feed.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace cattino::engine {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += text.empty() ? word : ", " + word;
  }
  return text;
}

std::string end_text(const FeedItem& item) {
  switch (item.status) {
    case core::TaskStatus::done:
      return item.fullname + " is done";
    case core::TaskStatus::failed:
      return fmt::format(
          "{} failed: {}", item.fullname, item.reason.empty() ? describe(item.exit) : item.reason);
    case core::TaskStatus::cancelled:
      return item.reason.empty() ? item.fullname + " was cancelled"
                                 : fmt::format("{} was cancelled: {}", item.fullname, item.reason);
    case core::TaskStatus::waiting:
    case core::TaskStatus::running:
      break;
  }
  return item.fullname + " changed";
}

}  // namespace

std::string feed_text(const FeedItem& item) {
  if (item.event == "ended") {
    return end_text(item);
  }
  if (item.event == "started") {
    return item.devices.empty()
               ? item.fullname + " started"
               : fmt::format("{} started on {}", item.fullname, joined(item.devices));
  }
  if (item.event == "created") {
    return item.fullname + " was created";
  }
  if (item.event == "requeued") {
    return fmt::format(
        "{} waits for another attempt: {} of attempt {}",
        item.fullname,
        describe(item.exit),
        item.attempt);
  }
  if (item.event == "removed") {
    return item.fullname + " was removed";
  }
  return fmt::format("{} is {}", item.fullname, core::name(item.status));
}

/// Ends a subscription; may outlive the feed.
class Feed::Subscription final : public Handle {
 public:
  Subscription(std::weak_ptr<Followers> followers, std::uint64_t number)
      : followers_(std::move(followers)), number_(number) {}
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  ~Subscription() override {
    if (const auto followers = followers_.lock()) {
      followers->erase(number_);
    }
  }

 private:
  std::weak_ptr<Followers> followers_;
  std::uint64_t number_;
};

Feed::Feed(Services services) : services_(std::move(services)) {}

void Feed::add(FeedItem item) {
  append({std::move(item), false});
}

void Feed::add_output(FeedItem item) {
  if (!followers_->empty()) {
    append({std::move(item), true});
  }
}

void Feed::append(Entry entry) {
  entry.item.seq = next_++;
  if (ring_.size() == kept_items) {
    ring_.pop_front();
  }
  ring_.push_back(std::move(entry));
}

void Feed::deliver() {
  if (followers_->empty()) {
    return;
  }
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, follower] : *followers_) {
    if (follower.next < next_) {
      numbers.push_back(number);
    }
  }
  for (const std::uint64_t number : numbers) {
    catch_up(number);
  }
}

void Feed::catch_up(std::uint64_t number) {
  const std::uint64_t first = next_ - ring_.size();
  auto at = followers_->find(number);
  if (at != followers_->end() && at->second.next < first) {
    at->second.next = first;
    FeedItem gap;
    gap.event = "gap";
    gap.seq = first;
    at->second.item(gap);
  }
  // A callback may end this subscription, or any other: look it up each time.
  for (at = followers_->find(number); at != followers_->end() && at->second.next < next_;
       at = followers_->find(number)) {
    Entry& entry = ring_[at->second.next++ - first];
    if (entry.output && !at->second.output) {
      continue;
    }
    FeedItem& item = entry.item;
    if (item.task && item.fullname.empty()) {
      item.fullname = services_.fullname(item.task);
    }
    if (item.text.empty()) {
      item.text = feed_text(item);
    }
    const auto callback = at->second.item;
    callback(item);
  }
}

std::unique_ptr<Handle> Feed::follow(
    std::uint64_t since, bool output, std::function<void(const FeedItem&)> item) {
  const std::uint64_t number = next_follower_++;
  const std::uint64_t next = since == 0 ? next_ : std::min(since + 1, next_);
  followers_->emplace(number, Follower{next, output, std::move(item)});
  if (next < next_) {
    services_.deliver_soon();
  }
  return std::make_unique<Subscription>(followers_, number);
}

}  // namespace cattino::engine
