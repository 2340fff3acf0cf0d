// GET /v1/feed: what happens, as JSON lines, to readers of any speed.
#include <deque>
#include <utility>

#include "server/answers.h"
#include "server/limits.h"
#include "server/verbs/input.h"
#include "server/verbs/verbs.h"

namespace cattino::server::verbs {

namespace {

/// One follower: a bounded queue of lines before its connection. When it is over, all that waits is
/// dropped, and the reader is told so.
class Follower {
 public:
  explicit Follower(Responder responder) : responder_(std::move(responder)) {}

  void add(const engine::FeedItem& item) {
    std::string line = wire::to_json(feed_item_of(item)) + "\n";
    if (lines_.size() >= feed_items_max || waiting_bytes_ + line.size() > feed_bytes_max) {
      lines_.clear();
      waiting_bytes_ = 0;
      gap_ = true;
      skipped_to_ = item.seq;
      return;
    }
    if (gap_ && lines_.empty() && !room()) {
      skipped_to_ = item.seq;
      return;
    }
    waiting_bytes_ += line.size();
    lines_.push_back(std::move(line));
    send();
  }

  /// Hands over what the connection has room for.
  void send() {
    std::string piece;
    if (gap_ && room()) {
      wire::FeedItem gap;
      gap.seq = skipped_to_;
      gap.event = "gap";
      piece = wire::to_json(gap) + "\n";
      gap_ = false;
    }
    while (!lines_.empty() && piece.size() < feed_unsent_bytes && room()) {
      waiting_bytes_ -= lines_.front().size();
      piece += lines_.front();
      lines_.pop_front();
    }
    responder_.write(std::move(piece));
  }

 private:
  [[nodiscard]] bool room() const { return responder_.unsent_bytes() < feed_unsent_bytes; }

  Responder responder_;
  std::deque<std::string> lines_;
  std::size_t waiting_bytes_ = 0;
  bool gap_ = false;
  std::uint64_t skipped_to_ = 0;
};

}  // namespace

void feed(Context& context, const Request& request, const Responder& responder) {
  Query query{request};
  const std::uint64_t since = query.number("since", 0);
  const bool output = query.flag("output", false);
  if (const Status good = query.check(); !good) {
    responder.fail(good.error());
    return;
  }
  responder.begin("application/x-ndjson");
  const auto follower = std::make_shared<Follower>(responder);
  responder.on_sent([follower] { follower->send(); });
  responder.keep(context.engine.follow(
      since, output, [follower](const engine::FeedItem& item) { follower->add(item); }));
}

}  // namespace cattino::server::verbs
