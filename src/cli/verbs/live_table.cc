// Drawn when the feed tells of a change, and each second while something runs; asked for at most five
// times a second, however much happens.
#include "cli/verbs/live_table.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include <fmt/core.h>
#include <poll.h>

#include "cli/views.h"
#include "sys/clock.h"

namespace cattino::cli::verbs {

namespace {

constexpr std::int64_t tick_ms = 1000;
constexpr std::int64_t rest_ms = 200;  ///< between two looks at the tasks
constexpr std::size_t rows_least = 6;
constexpr std::size_t tasks_max = 1000;  ///< of each kind

using List = Result<Answer<wire::TaskList>>;

class LiveTable {
 public:
  LiveTable(Context& context, Feed feed) : context_(context), feed_(std::move(feed)) {}

  Result<int> show() {
    while (true) {
      const Duration now = sys::since_boot();
      auto fetched = stale_ && rest_of(now) == 0 ? fetch(now) : Result<bool>(true);
      if (!fetched) {
        return fetched.error();
      }
      draw(now);
      if (auto lives = sleep(); !lives || !*lives) {
        context_.output.note("the backend has left");
        return lives ? Result<int>(0) : lives.error();
      }
    }
  }

 private:
  [[nodiscard]] std::int64_t rest_of(Duration now) const {
    return first_ ? 0 : std::max<std::int64_t>(0, rest_ms - (now - fetched_).ms());
  }

  /// How many lines there are for tasks and groups.
  [[nodiscard]] std::size_t rows() const {
    return std::max<std::size_t>(context_.output.screen().rows, rows_least) - 3;
  }

  List tasks(const std::string& statuses) {
    return context_.client.get<wire::TaskList>(
        fmt::format("/v1/tasks?limit={}{}", tasks_max, statuses));
  }

  /// What runs, then what waits, then what ended, the latest first.
  Result<bool> fetch(Duration now) {
    auto health = context_.client.get<wire::Health>("/v1/health");
    auto running = tasks("&status=Running");
    auto waiting = tasks("&status=Waiting");
    auto ended = tasks("&status=Done&status=Failed&status=Cancelled");
    if (!health || !running || !waiting || !ended) {
      return !health    ? health.error()
             : !running ? running.error()
             : !waiting ? waiting.error()
                        : ended.error();
    }
    counts_ = health->value.counts;
    running_ = !running->value.tasks.empty();
    std::vector<wire::Task>& over = ended->value.tasks;
    std::sort(over.begin(), over.end(), [](const wire::Task& a, const wire::Task& b) {
      return a.ended.value_or(0) > b.ended.value_or(0);
    });
    list_ = std::move(running->value);
    take(std::move(waiting->value));
    take(std::move(ended->value));
    list_.truncated = 0;
    fetched_ = now;
    stale_ = false;
    return true;
  }

  /// Adds tasks of other statuses, and what they are to their groups.
  void take(wire::TaskList&& more) {
    std::move(more.tasks.begin(), more.tasks.end(), std::back_inserter(list_.tasks));
    for (wire::Group& group : more.groups) {
      const auto known =
          std::find_if(list_.groups.begin(), list_.groups.end(), [&group](const wire::Group& each) {
            return each.submission == group.submission && each.fullname == group.fullname;
          });
      if (known == list_.groups.end()) {
        list_.groups.push_back(std::move(group));
        continue;
      }
      known->counts.insert(known->counts.end(), group.counts.begin(), group.counts.end());
      known->status = "MultiStatus";
    }
    list_.now = more.now;
  }

  /// As many tasks as there is room for: a row may take several lines.
  std::string table(Duration now) {
    if (list_.tasks.size() > rows()) {
      list_.tasks.resize(rows());
    }
    const wire::Milliseconds fetched_at = list_.now;
    list_.now += (now - fetched_).ms();
    std::string text = list_text(list_, context_.output.screen());
    while (!list_.tasks.empty()) {
      const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) - 1;
      if (lines <= rows()) {
        break;
      }
      list_.tasks.resize(list_.tasks.size() - std::min(list_.tasks.size(), lines - rows()));
      text = list_text(list_, context_.output.screen());
    }
    list_.now = fetched_at;
    return text;
  }

  void draw(Duration now) {
    // Home, draw, clear what is left below: without a flicker.
    std::string frame = first_ ? "\033[H\033[2J" : "\033[H";
    for (const char c : table(now)) {
      frame += c == '\n' ? "\033[K\n" : std::string(1, c);
    }
    const std::string counts = counts_text(counts_);
    context_.output.text(frame + (counts.empty() ? "no tasks" : counts) + "\033[K\033[J");
    context_.output.flush();
    first_ = false;
  }

  /// Until there is something to draw. False: the backend has left.
  Result<bool> sleep() {
    const std::int64_t rest = rest_of(sys::since_boot());
    pollfd source{feed_.fd(), POLLIN, 0};
    const std::int64_t timeout = stale_ ? rest : running_ ? tick_ms : -1;
    const int ready = poll(&source, 1, static_cast<int>(timeout));
    if (ready < 0 && errno != EINTR) {
      return system_error("wait for", "the feed", errno);
    }
    if (ready <= 0) {
      return true;
    }
    auto more = feed_.read_some();
    while (feed_.next_line()) {
      stale_ = true;
    }
    return more;
  }

  Context& context_;
  Feed feed_;
  wire::TaskList list_;
  wire::Counts counts_;
  Duration fetched_;
  bool stale_ = true;
  bool running_ = false;
  bool first_ = true;
};

}  // namespace

Result<int> show_live_table(Context& context, Feed feed) {
  return LiveTable(context, std::move(feed)).show();
}

}  // namespace cattino::cli::verbs
