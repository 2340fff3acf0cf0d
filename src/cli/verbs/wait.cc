// meow wait: returns when tasks have ended; its exit status says how.
#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_map>

#include <fmt/core.h>
#include <poll.h>

#include "base/text.h"
#include "cli/feed.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

namespace {

constexpr std::size_t bar_columns = 30;
constexpr std::uint64_t tasks_max = 100000;

Result<wire::WaitRequest> request_of(const Options& options) {
  if (!options.names.empty() && !options.match.empty()) {
    return Error{ErrorCode::invalid, "names and --all exclude each other", "names", ""};
  }
  wire::WaitRequest request;
  request.names = options.names;
  if (!options.match.empty()) {
    request.match = options.match;
  }
  if (!options.timeout.empty()) {
    auto timeout = parse_duration(options.timeout);
    if (!timeout) {
      timeout.error().field = "--timeout";
      return timeout.error();
    }
    request.timeout_ms = timeout->ms();
  }
  return request;
}

/// How many of the awaited tasks have ended, drawn on one line of the terminal.
class Progress {
 public:
  Progress(const wire::TaskList& list, const Screen& screen) : screen_(screen) {
    for (const wire::Task& task : list.tasks) {
      status_of_[task.id] = task.status;
    }
  }

  /// Takes what the feed has. False when it has ended.
  bool read(Feed& feed) {
    auto more = feed.read_some();
    while (auto line = feed.next_line()) {
      take(*line);
    }
    return more && *more;
  }

  void take(const std::string& line) {
    const auto item = wire::from_json<wire::FeedItem>(line, wire::Reading::lenient);
    if (!item || !item->task) {
      return;
    }
    const auto found = status_of_.find(item->task->id);
    if (found != status_of_.end()) {
      found->second = item->task->status;
    }
  }

  [[nodiscard]] std::string line() const {
    std::size_t ended = 0;
    std::size_t failed = 0;
    std::size_t running = 0;
    for (const auto& [id, status] : status_of_) {
      running += status == "Running" ? 1U : 0U;
      failed += status == "Failed" ? 1U : 0U;
      ended += status != "Running" && status != "Waiting" ? 1U : 0U;
    }
    const std::size_t total = std::max<std::size_t>(status_of_.size(), 1);
    const std::size_t filled = bar_columns * ended / total;
    std::string text = fmt::format(
        "{}{} {} of {} ended, {} running",
        std::string(filled, '#'),
        std::string(bar_columns - filled, '.'),
        ended,
        status_of_.size(),
        running);
    if (failed > 0) {
      text += fmt::format(", {} failed", failed);
    }
    return shortened_at_the_end(text, screen_.columns > 0 ? screen_.columns - 1 : text.size());
  }

 private:
  const Screen& screen_;
  std::unordered_map<std::uint64_t, std::string> status_of_;
};

/// The tasks that the request is about, to count them.
Result<Answer<wire::TaskList>> awaited(Context& context, const wire::WaitRequest& request) {
  std::string target = fmt::format("/v1/tasks?reasons=0&limit={}", tasks_max);
  for (const std::string& name : request.names) {
    target += "&name=" + percent_encoded(name);
  }
  if (request.match) {
    target += "&match=" + percent_encoded(*request.match);
  }
  if (request.names.empty() && !request.match) {
    target += "&status=Waiting&status=Running";
  }
  return context.client.get<wire::TaskList>(target);
}

void draw(Context& context, const Progress& progress) {
  context.output.text("\r" + progress.line() + "\033[K");
  context.output.flush();
}

/// Moves the bar until the answer comes at `answer`, and takes it away then.
Status draw_until_readable(Context& context, Progress& progress, Feed& feed, int answer) {
  bool feed_lives = true;
  while (true) {
    draw(context, progress);
    std::array<pollfd, 2> sources = {
        {{answer, POLLIN, 0}, {feed_lives ? feed.fd() : -1, POLLIN, 0}}};
    if (poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) {
      return system_error("wait for", "the backend", errno);
    }
    if (feed_lives && sources[1].revents != 0) {
      feed_lives = progress.read(feed);
    }
    if (sources[0].revents != 0) {
      context.output.text("\r\033[K");
      return ok();
    }
  }
}

/// Waits on a connection of its own, while the feed moves the bar.
Result<Answer<wire::WaitAnswer>> wait_with_bar(Context& context, const wire::WaitRequest& request) {
  auto feed = Feed::open(context.client, "");
  auto list = awaited(context, request);
  auto waiting = context.client.open();
  if (!feed || !list || !waiting) {
    return !feed ? feed.error() : !list ? list.error() : waiting.error();
  }
  Progress progress(list->value, context.output.screen());
  if (auto sent = waiting->send({"POST", "/v1/wait", "application/json", wire::to_json(request)});
      !sent) {
    return sent.error();
  }
  if (auto there = draw_until_readable(context, progress, *feed, waiting->fd()); !there) {
    return there.error();
  }
  auto response = waiting->receive();
  if (!response) {  // the daemon was replaced
    return context.client.post<wire::WaitAnswer>("/v1/wait", request);
  }
  if (response->status > 299) {
    return error_of_response(response->status, response->body);
  }
  return Client::read<wire::WaitAnswer>(std::move(response->body));
}

}  // namespace

Result<int> wait(Context& context) {
  auto request = request_of(context.options);
  if (!request) {
    return request.error();
  }
  const bool bar = context.output.screen().is_terminal && context.output.mode() == Mode::text;
  auto answer = bar ? wait_with_bar(context, *request)
                    : context.client.post<wire::WaitAnswer>("/v1/wait", *request);
  if (!answer) {
    return answer.error();
  }
  context.output.document(answer->text);
  context.output.text(wait_text(answer->value, context.output.screen()));
  if (answer->value.outcome == 5) {
    context.output.note("the timeout is over");
  }
  return answer->value.outcome;
}

}  // namespace cattino::cli::verbs
