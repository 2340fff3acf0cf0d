// meow watch: one task's output, or all tasks, as they go.
#include <array>
#include <cerrno>

#include <fmt/core.h>
#include <poll.h>

#include "cli/feed.h"
#include "cli/log_follower.h"
#include "cli/verbs/live_table.h"
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

namespace {

constexpr int status_signal = 128;

bool has_ended(const std::string& status) {
  return status == "Done" || status == "Failed" || status == "Cancelled";
}

/// As a shell would see the task.
int status_of(const wire::Task& task) {
  if (task.status == "Done") {
    return 0;
  }
  if (task.exit && task.exit->code && *task.exit->code != 0) {
    return *task.exit->code;
  }
  return task.exit && task.exit->signal ? status_signal + *task.exit->signal : 1;
}

/// Follows the attempts of one task, one after the other.
class OutputFollower {
 public:
  OutputFollower(Context& context, Feed feed, FileAlarm alarm)
      : context_(context), feed_(std::move(feed)), alarm_(std::move(alarm)) {}

  Result<int> follow(wire::Task task) {
    set_task(std::move(task));
    if (context_.options.tail) {
      file_.skip_to_last(*context_.options.tail);
    }
    while (true) {
      alarm_.watch(file_.path());
      if (auto copied = copy(); !copied) {
        return copied.error();
      }
      if (has_ended(task_.status)) {
        return ended();
      }
      say_why_it_waits();
      if (auto changed = sleep(); !changed) {
        return changed.error();
      }
    }
  }

 private:
  void set_task(wire::Task task) {
    const auto& path = context_.options.errors ? task.stderr_ : task.stdout_;
    const std::string now = path ? *path : "";
    next_path_ = now == file_.path() ? "" : now;
    task_ = std::move(task);
    if (file_.path().empty()) {
      file_ = GrowingFile(std::exchange(next_path_, ""));
    }
  }

  /// Copies what is there. All of an attempt's output before any of the next one's.
  Result<bool> copy() {
    while (true) {
      auto text = file_.read_new();
      if (!text) {
        return text.error();
      }
      if (!text->empty()) {
        context_.output.raw(*text);
        continue;
      }
      if (next_path_.empty()) {
        context_.output.flush();
        return true;
      }
      file_ = GrowingFile(std::exchange(next_path_, ""));
      context_.output.note(
          fmt::format("attempt {} of {}", task_.attempt, harmless(task_.fullname)));
    }
  }

  Result<int> ended() {
    const std::string remark = remark_of(task_);
    if (task_.status != "Done") {
      context_.output.note(fmt::format(
          "{} {}{}", harmless(task_.fullname), task_.status, remark.empty() ? "" : ": " + remark));
    }
    return status_of(task_);
  }

  void say_why_it_waits() {
    const std::string remark = task_.status == "Waiting" ? remark_of(task_) : "";
    if (!remark.empty() && remark != said_) {
      context_.output.note(fmt::format("{} waits: {}", harmless(task_.fullname), remark));
    }
    said_ = remark;
  }

  /// Sleeps until the file grows or the task changes.
  Result<bool> sleep() {
    std::array<pollfd, 2> sources = {{{alarm_.fd(), POLLIN, 0}, {feed_.fd(), POLLIN, 0}}};
    bool ours = take_lines();
    if (!ours && poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) {
      return system_error("wait for", "output", errno);
    }
    alarm_.clear();
    if (!ours && sources[1].revents != 0) {
      auto more = feed_.read_some();
      if (!more) {
        return more.error();
      }
      if (!*more) {
        return look_again(true);
      }
      ours = take_lines();
    }
    return ours ? look_again(false) : true;
  }

  /// True if the feed told of our task.
  bool take_lines() {
    bool ours = false;
    while (auto line = feed_.next_line()) {
      const auto item = wire::from_json<wire::FeedItem>(*line, wire::Reading::lenient);
      ours = ours || (item && (item->event == "gap" || (item->task && item->task->id == task_.id)));
    }
    return ours;
  }

  Result<bool> look_again(bool feed_is_lost) {
    if (feed_is_lost) {
      auto feed = Feed::open(context_.client, "");
      if (!feed) {
        return feed.error();
      }
      feed_ = std::move(*feed);
    }
    auto answer =
        context_.client.get<wire::TaskList>(fmt::format("/v1/tasks?all=1&name=%23{}", task_.id));
    if (!answer) {
      return answer.error();
    }
    if (!answer->value.tasks.empty()) {
      set_task(std::move(answer->value.tasks.front()));
    }
    return true;
  }

  Context& context_;
  Feed feed_;
  FileAlarm alarm_;
  wire::Task task_;
  GrowingFile file_;
  std::string next_path_;  ///< of the next attempt, once this one's file is read to its end
  std::string said_;
};

Result<int> watch_task(Context& context) {
  if (context.options.names.size() > 1) {
    return Error{
        ErrorCode::invalid,
        "one task can be watched at a time",
        "names",
        "`meow watch` alone shows all"};
  }
  // The feed first: what changes between the two is then in it.
  auto feed = Feed::open(context.client, "");
  auto alarm = FileAlarm::make();
  if (!feed || !alarm) {
    return !feed ? feed.error() : alarm.error();
  }
  const std::string& name = context.options.names.front();
  auto answer = context.client.get<wire::Detail>("/v1/tasks/" + percent_encoded(name));
  if (!answer) {
    return answer.error();
  }
  auto* detail = std::get_if<wire::TaskDetail>(&answer->value);
  if (detail == nullptr) {
    return Error{
        ErrorCode::invalid,
        fmt::format("'{}' is a group", name),
        "names",
        fmt::format("watch one of its tasks: `meow list {}` has their names", name)};
  }
  return OutputFollower(context, std::move(*feed), std::move(*alarm))
      .follow(std::move(detail->task));
}

/// What an item of the feed says, as a line; empty if it says nothing.
std::string line_of(const std::string& json) {
  const auto item = wire::from_json<wire::FeedItem>(json, wire::Reading::lenient);
  const bool says = item && item->text && !item->text->empty();
  return says ? harmless(*item->text) + "\n" : "";
}

/// Without a terminal: a line for each change.
Result<int> print_feed(Context& context, Feed feed) {
  while (true) {
    while (auto line = feed.next_line()) {
      context.output.document(*line);
      context.output.text(line_of(*line));
    }
    context.output.flush();
    auto more = feed.read_some();
    if (!more) {
      return more.error();
    }
    if (!*more) {
      context.output.note("the backend has left");
      return 0;
    }
  }
}

}  // namespace

Result<int> watch(Context& context) {
  if (!context.options.names.empty()) {
    return watch_task(context);
  }
  auto feed = Feed::open(context.client, "");
  if (!feed) {
    return feed.error();
  }
  if (context.output.screen().is_terminal && context.output.mode() == Mode::text) {
    return show_live_table(context, std::move(*feed));
  }
  return print_feed(context, std::move(*feed));
}

}  // namespace cattino::cli::verbs
