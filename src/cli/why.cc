// The daemon knows the reason; what to do about it is said here.
#include "cli/why.h"

#include <algorithm>
#include <csignal>
#include <initializer_list>
#include <string_view>

#include <fmt/core.h>

#include "base/text.h"
#include "base/time.h"
#include "cli/words.h"

namespace cattino::cli {
namespace {

using Kinds = std::initializer_list<std::string_view>;

bool is_one_of(std::string_view kind, Kinds kinds) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

/// Why another attempt follows, and how many more there may be.
std::string why_again(const wire::Task& task) {
  constexpr std::int32_t asked = 100;
  if (task.exit && task.exit->code == asked) {
    return "Its last attempt ended with exit status 100, which asks for that.";
  }
  if (!task.exit || !task.retry || !task.retries) {
    return {};
  }
  const std::uint32_t most = task.retry->retries;
  const std::uint32_t left = most - std::min(*task.retries, most);
  return fmt::format(
      "Its last attempt failed ({}); {} after this one.",
      task.exit->text,
      left == 0 ? "no retry is left"
                : fmt::format(
                      "{} {} left", count_of(left, "retry", "retries"), left == 1 ? "is" : "are"));
}

/// It does not fit now: who comes first, if not it.
std::string when_it_fits(const wire::Reason& reason) {
  if (!reason.kept) {
    return "It starts as soon as enough is free; tasks that fit may start before it.";
  }
  const std::string others = "Only tasks that do not delay it start before it.";
  return reason.start
             ? others
             : others + " Nobody knows when it starts: something it waits for has no time limit.";
}

std::string behind_another(const wire::Reason& reason) {
  if (reason.until) {
    return "With a time limit (--time-limit) that ends before then it could start now.";
  }
  return "Nobody knows when that is: something it waits for has no time limit.";
}

/// What a user may not know about such a reason, or can do about it; empty: nothing.
std::string advice(const wire::Task& task, const wire::Reason& reason, const std::string& name) {
  const std::string kind = reason.kind.value_or("");
  if (kind == "dependencies") {
    return reason.count == 1U ? "It can start when that has ended."
                              : "It can start when these have ended.";
  }
  if (kind == "dependency_failed") {
    return reason.resume ? fmt::format("`meow resume {}` does that.", harmless(*reason.resume))
                         : fmt::format("`meow cancel {}` gives it up.", name);
  }
  if (is_one_of(kind, {"devices", "cpus", "ram", "resources"})) {
    return when_it_fits(reason);
  }
  if (kind == "reserved") {
    return behind_another(reason);
  }
  if (kind == "making_room") {
    return fmt::format(
        "It starts when {} ended; the setting `grace` is how long that may take.",
        reason.count == 1U ? "that has" : "these have");
  }
  if (kind == "parallel") {
    return "It takes its turn when one of these has ended.";
  }
  if (kind == "backoff") {
    return why_again(task);
  }
  if (kind == "held") {
    return fmt::format("`meow resume {}` lets it run.", name);
  }
  if (kind == "lost") {
    return fmt::format(
        "The machine went down meanwhile, or what watches over tasks did. `meow resume {0}` runs "
        "it "
        "again, `meow cancel {0}` gives it up.",
        name);
  }
  return {};
}

std::string waiting(const wire::Task& task, const std::string& name) {
  if (!task.reason) {
    return "waits for its turn.";
  }
  const std::string kind = task.reason->kind.value_or("");
  // "waits for a", "is held until it is resumed", "runs again in 3 s" go on from the name.
  const bool goes_on = is_one_of(
      kind,
      {"dependencies", "held", "lost", "backoff", "next", "not_before", "reserved", "behind"});
  std::string text = (goes_on ? "" : "waits: ") + reason_text(task.reason) + ".";
  const std::string more = advice(task, *task.reason, name);
  text += more.empty() ? "" : " " + more;
  if (task.preemptions) {
    text += fmt::format(
        " It has made room for others {}.",
        count_of(static_cast<std::int64_t>(*task.preemptions), "time"));
  }
  return text;
}

std::string running(const wire::Task& task) {
  std::string text = task.devices.empty() ? "runs" : "runs on " + devices_words(task.devices);
  if (task.attempt > 1) {
    text += fmt::format(", in its attempt {}", task.attempt);
  }
  text += task.phase && *task.phase == "stopping" ? "; it is being stopped" : "";
  return text + (task.reason ? ": " + reason_text(task.reason) + "." : ".");
}

/// What may have led to such an end.
std::string after_end(const wire::Task& task, std::string_view kind) {
  if (kind == "timed_out" && task.request.time_limit) {
    return fmt::format(
        " That is {}; --time-limit asks for more.",
        describe(Duration::milliseconds(*task.request.time_limit)));
  }
  if (kind == "out_of_memory") {
    return " --ram or --memory asks for more.";
  }
  if (kind == "exit" && task.exit && task.exit->signal == SIGKILL) {
    return " Cattino did not send that; the kernel does when memory runs out.";
  }
  return {};
}

std::string ended(const wire::Task& task, const std::string& name) {
  const std::string kind = task.reason ? task.reason->kind.value_or("") : "";
  std::string text = "is " + task.status;
  if (task.reason) {
    text += ": " + reason_text(task.reason);
  } else if (task.exit) {
    text += ": " + task.exit->text;
  }
  text += "." + after_end(task, kind);
  if (task.status == "Failed" && task.stderr_) {
    text += fmt::format(" What it said is in {}.", harmless(*task.stderr_));
  }
  if (kind == "dependency") {
    // By its name only while that is the task's own.
    const bool known = task.reason->resume && task.shown == task.fullname;
    text += known ? fmt::format(
                        " `meow resume {}` runs that again, and then this one.",
                        harmless(*task.reason->resume))
                  : "";
  } else if (task.status != "Done") {
    text += fmt::format(" `meow resume {}` runs it again.", name);
  }
  return text;
}

}  // namespace

std::string why_text(const wire::Task& task) {
  const std::string name = harmless(task.shown.empty() ? task.fullname : task.shown);
  std::string text;
  if (task.status == "Waiting") {
    text = waiting(task, name);
  } else if (task.status == "Running") {
    text = running(task);
  } else {
    text = ended(task, name);
  }
  return name + " " + text;
}

std::string paragraph(const std::string& text, const Screen& screen) {
  std::string lines;
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find(' ', at);
    const auto first = text.begin() + static_cast<std::ptrdiff_t>(at);
    while (end != std::string::npos &&
           std::count(first, text.begin() + static_cast<std::ptrdiff_t>(end), '`') % 2 != 0) {
      end = text.find(' ', end + 1);
    }
    const std::string word = text.substr(at, end == std::string::npos ? end : end - at);
    const std::size_t columns = columns_of(word);
    if (at > 0) {
      const bool fits = screen.columns == 0 || width + 1 + columns <= screen.columns;
      lines += fits ? " " : "\n";
      width = fits ? width + 1 : 0;
    }
    lines += word;
    width += columns;
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return lines + "\n";
}

}  // namespace cattino::cli
