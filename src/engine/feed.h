// What happens, as it happens: a ring of the last changes, and who follows them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace cattino::engine {

class Feed {
 public:
  static constexpr std::size_t kept_items = 100'000;

  /// `fullname` names a task whose item came without its name; `deliver_soon` has `deliver` called later.
  struct Services {
    std::function<std::string(TaskId)> fullname;
    std::function<void()> deliver_soon;
  };
  explicit Feed(Services services);

  /// Appends; `seq` is filled in. Followers get it at the next `deliver`.
  void add(FeedItem item);

  /// What a hook printed: only for followers that want output.
  void add_output(FeedItem item);

  /// To all followers, what they have not got. Call it when what the items tell of is stored.
  void deliver();

  std::unique_ptr<Handle> follow(
      std::uint64_t since, bool output, std::function<void(const FeedItem&)> item);

  [[nodiscard]] bool followed() const { return !followers_->empty(); }
  [[nodiscard]] std::uint64_t last() const { return next_ - 1; }

 private:
  struct Entry {
    FeedItem item;
    bool output = false;
  };
  struct Follower {
    std::uint64_t next = 0;  ///< the first item it has not got
    bool output = false;
    std::function<void(const FeedItem&)> item;
  };
  using Followers = std::unordered_map<std::uint64_t, Follower>;
  class Subscription;

  void append(Entry entry);
  void catch_up(std::uint64_t number);

  Services services_;
  std::deque<Entry> ring_;
  std::uint64_t next_ = 1;
  std::uint64_t next_follower_ = 1;
  std::shared_ptr<Followers> followers_ = std::make_shared<Followers>();
};

/// The line for people: "train started on cuda:0".
std::string feed_text(const FeedItem& item);

}  // namespace cattino::engine
