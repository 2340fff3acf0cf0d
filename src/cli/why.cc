// The daemon knows the reason; what to do about it is said here.
#include "cli/why.h"

#include <string_view>

#include <fmt/core.h>

#include "base/text.h"
#include "cli/terminal.h"
#include "cli/words.h"

namespace cattino::cli {
namespace {

/// Why another attempt follows.
std::string why_again(const wire::Task& task) {
  constexpr std::int32_t asked = 100;
  if (!task.exit || task.exit->code == asked || !task.retry || !task.retries) {
    return "It asked to be run again (exit status 100).";
  }
  return fmt::format(
      "Its last attempt failed ({}); this is retry {} of {}.",
      task.exit->text,
      *task.retries,
      task.retry->retries);
}

/// What a user may not know about such a reason, or can do about it; empty: nothing.
std::string advice(std::string_view kind, const wire::Task& task, const std::string& name) {
  if (kind == "dependencies") {
    return "It can start when these are Done.";
  }
  if (kind == "devices" || kind == "cpus" || kind == "ram" || kind == "resources") {
    return "It starts as soon as enough is free; tasks that fit may start before it.";
  }
  if (kind == "backoff") {
    return why_again(task);
  }
  if (kind == "held" || kind == "lost") {
    return fmt::format("`meow resume {}` lets it run.", name);
  }
  return {};
}

std::string waiting(const wire::Task& task, const std::string& name) {
  if (!task.reason) {
    return "waits for its turn.";
  }
  const std::string kind = task.reason->kind.value_or("");
  const std::string more = advice(kind, task, name);
  const std::string reason = reason_text(task.reason);
  // "waits for a", "is held until it is resumed", "runs again in 3 s" go on from the name.
  const bool goes_on = kind == "dependencies" || kind == "held" || kind == "backoff" ||
                       kind == "next" || kind == "not_before";
  const std::string text = (goes_on ? "" : "waits: ") + reason + ".";
  return more.empty() ? text : text + " " + more;
}

std::string running(const wire::Task& task) {
  std::string text = task.devices.empty() ? "runs" : "runs on " + devices_words(task.devices);
  if (task.attempt > 1) {
    text += fmt::format(", in its attempt {}", task.attempt);
  }
  return text + (task.reason ? ": " + reason_text(task.reason) + "." : ".");
}

std::string ended(const wire::Task& task, const std::string& name) {
  std::string text = "is " + task.status;
  if (task.reason) {
    text += ": " + reason_text(task.reason);
  } else if (task.exit) {
    text += ": " + task.exit->text;
  }
  text += ".";
  if (task.status == "Failed" && task.stderr_) {
    text += fmt::format(" What it said is in {}.", harmless(*task.stderr_));
  }
  if (task.status != "Done") {
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
  return name + " " + text + "\n";
}

}  // namespace cattino::cli
