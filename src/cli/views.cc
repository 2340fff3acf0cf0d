// Words and tables for the answers of the daemon.
#include "cli/views.h"

#include <algorithm>
#include <ctime>

#include <fmt/core.h>

#include "base/amounts.h"
#include "base/text.h"
#include "cli/table.h"
#include "cli/words.h"

namespace cattino::cli {

namespace {

constexpr std::size_t names_shown_max = 5;
constexpr std::string_view hooks_reset_text =
    "the process of its hooks died: what they had left on self was lost";
constexpr std::size_t remarks_shown_max = 10;

/// "train (#41)"; one whose name was given up has its number in it.
std::string label_of(const wire::Task& task) {
  const std::string name = harmless(task.shown.empty() ? task.fullname : task.shown);
  const std::string number = fmt::format("#{}", task.id);
  return name.ends_with(number) ? name : fmt::format("{} ({})", name, number);
}

std::string when_text(wire::Milliseconds at) {
  if (at == 0) {
    return "-";
  }
  const std::time_t seconds = at / 1000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return fmt::format(
      "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
      parts.tm_year + 1900,
      parts.tm_mon + 1,
      parts.tm_mday,
      parts.tm_hour,
      parts.tm_min,
      parts.tm_sec);
}

std::string request_text(const wire::Request& request) {
  std::string text;
  const auto add = [&](const std::string& part) {
    text += (text.empty() ? "" : ", ") + part;
  };
  const std::uint16_t devices = request.min_devices.value_or(0);
  const std::uint16_t most = request.max_devices.value_or(devices);
  if (request.min_devices) {
    add(most > devices ? fmt::format("{} to {} devices", devices, most)
                       : count_of(devices, "device"));
  }
  if (devices > 0 && request.memory) {
    switch (request.memory->kind) {
      case MemoryRequest::Kind::whole:
        break;
      case MemoryRequest::Kind::mib:
        add(describe(Mib{request.memory->value}) + " on each");
        break;
      case MemoryRequest::Kind::share:
        add(fmt::format("{}% of each", request.memory->value / 10000));
        break;
    }
  }
  if (request.cpus && request.cpus->value > 0) {
    add(fmt::format("{:g} cores", static_cast<double>(request.cpus->value) / 1000));
  }
  if (request.ram && request.ram->value > 0) {
    add(describe(*request.ram) + " of host memory");
  }
  if (request.devices) {
    add("only on " + joined_by_comma(*request.devices));
  }
  for (const auto& [name, amount] : request.resources.value_or(wire::Dictionary<std::int64_t>{})) {
    add(fmt::format("{} of {}", amount, name));
  }
  return text;
}

/// "3, after 9,signal, the first after 1.0 s; 1 so far".
std::string retry_text(const wire::Task& task) {
  if (!task.retry) {
    return {};
  }
  std::vector<std::string> ends;
  for (const wire::RetryEnd& end : task.retry->on) {
    ends.push_back(end.code != 0 ? fmt::format("{}", end.code) : end.word);
  }
  std::string text = fmt::format(
      "{}, after {}, the first after {}",
      task.retry->retries,
      joined_by_comma(ends),
      describe(Duration::milliseconds(task.retry->backoff)));
  if (task.retry->oom_growth) {
    text += fmt::format(
        ", with {:g} times the memory after oom",
        static_cast<double>(task.retry->oom_growth->ppm) / 1e6);
  }
  return text + (task.retries ? fmt::format("; {} so far", *task.retries) : "");
}

std::string preemptible_text(const wire::Task& task) {
  if (!task.preemptible.value_or(false)) {
    return {};
  }
  const auto times = static_cast<std::int64_t>(task.preemptions.value_or(0));
  return times == 0 ? "yes" : fmt::format("yes; stopped {}", count_of(times, "time"));
}

/// "key  value" lines with values in one column.
class Facts {
 public:
  explicit Facts(const Screen& screen) : columns_(screen.columns) {}

  /// Sentences are wrapped on a terminal; what may be copied (paths, commands) is left whole.
  void add_sentence(std::string_view key, const std::string& sentence) {
    const std::string value = harmless(sentence);
    std::string_view shown_key = key;
    for (const std::string& line : columns_ > 2 * values_at ? wrapped(value, columns_ - values_at)
                                                            : std::vector<std::string>{value}) {
      add(shown_key, line);
      shown_key = "";
    }
  }
  void add(std::string_view key, const std::string& value) {
    if (!value.empty()) {
      text_ += fmt::format("  {:<11} {}\n", key, harmless(value));
    }
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  static constexpr std::size_t values_at = 14;

  std::size_t columns_;
  std::string text_;
};

void add_attempts(Facts& facts, const wire::TaskDetail& detail) {
  for (const wire::Attempt& attempt : detail.attempts) {
    std::string line = attempt.status ? attempt.status->text : "running";
    if (!attempt.devices.empty()) {
      line += " on " + devices_words(attempt.devices);
    }
    line += ", started " + when_text(attempt.started);
    if (attempt.ended) {
      line += ", took " + describe(Duration::milliseconds(*attempt.ended - attempt.started));
    }
    if (attempt.user_ms + attempt.system_ms > 0) {
      line += ", CPU " + describe(Duration::milliseconds(attempt.user_ms + attempt.system_ms));
    }
    if (attempt.max_rss_mib > 0) {
      line += ", " + describe(Mib{attempt.max_rss_mib}) + " at most";
    }
    facts.add_sentence(fmt::format("attempt {}", attempt.number), line);
    facts.add("  stdout", attempt.stdout_);
    facts.add("  stderr", attempt.stderr_);
  }
}

std::string task_detail_text(const wire::TaskDetail& detail, const Screen& screen) {
  const wire::Task& task = detail.task;
  std::string argv;
  for (const std::string& word : detail.argv.value_or(std::vector<std::string>{})) {
    argv += (argv.empty() ? "" : " ") + shell_quote(word);
  }
  const bool running = task.status == "Running";
  Facts facts(screen);
  facts.add_sentence("reason", remark_of(task));
  facts.add("command", detail.command.value_or(detail.argv ? argv : ""));
  facts.add("function", detail.function.value_or(""));
  facts.add("directory", detail.cwd);
  facts.add("requests", request_text(task.request));
  if (task.request.time_limit) {
    facts.add("time limit", describe(Duration::milliseconds(*task.request.time_limit)));
  }
  if (task.log_limit) {
    facts.add("log limit", task.log_limit->value == 0 ? "none" : describe(*task.log_limit));
  }
  facts.add("retries", retry_text(task));
  facts.add("not before", task.not_before ? when_text(*task.not_before) : "");
  facts.add("preemptible", preemptible_text(task));
  facts.add("priority", task.priority == 0 ? "" : fmt::format("{}", task.priority));
  facts.add("devices", running ? devices_words(task.devices) : "");
  facts.add("process", running && task.pid ? fmt::format("{}", *task.pid) : "");
  facts.add("progress", progress_text(task.progress));
  facts.add("needs", joined_by_comma(detail.needs));
  facts.add("needed by", joined_by_comma(detail.needed_by));
  facts.add("created", when_text(task.created));
  facts.add("logs", task.directory);
  add_attempts(facts, detail);
  const std::string status =
      coloured(status_text(task), colour_of_status(task.status), screen.colour);
  return fmt::format("{}: {}\n{}", label_of(task), status, facts.text());
}

}  // namespace

std::string remark_of(const wire::Task& task) {
  std::string remark = reason_text(task.reason);
  if (remark.empty() && task.exit && task.status != "Done" && task.status != "Running") {
    remark = harmless(task.exit->text);
  }
  if (task.hooks_reset.value_or(false)) {
    remark += fmt::format("{}{}", remark.empty() ? "" : "; ", hooks_reset_text);
  }
  return remark;
}

std::string counts_text(const wire::Counts& counts) {
  std::string text;
  for (const auto& [status, count] : counts) {
    if (count > 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, status);
    }
  }
  return text;
}

std::string detail_text(const wire::Detail& detail, const Screen& screen) {
  if (const auto* task = std::get_if<wire::TaskDetail>(&detail)) {
    return task_detail_text(*task, screen);
  }
  const auto& group = std::get<wire::GroupDetail>(detail);
  std::string text;
  if (group.group) {
    text = fmt::format(
        "{}/ (group): {}\n  tasks       {}\n",
        harmless(group.group->fullname),
        coloured(group.group->status, colour_of_status(group.group->status), screen.colour),
        counts_text(group.group->counts));
  }
  for (const wire::Task& task : group.tasks) {
    const std::string remark = remark_of(task);
    text += fmt::format(
        "  {}: {}{}\n",
        label_of(task),
        coloured(status_text(task), colour_of_status(task.status), screen.colour),
        remark.empty() ? "" : ": " + remark);
  }
  return text;
}

namespace {

/// " on cuda:0, cuda:1" of a task that holds devices.
std::string standing_on(const wire::SubmittedTask& task) {
  return task.devices.empty() ? "" : " on " + harmless(devices_words(task.devices));
}

}  // namespace

std::string created_text(const wire::SubmissionAnswer& answer, const Screen& screen) {
  if (answer.count == 1 && !answer.tasks.empty()) {
    const wire::SubmittedTask& task = answer.tasks.front();
    const std::string reason = reason_text(task.reason);
    return fmt::format(
        "created {} (#{}): {}{}\n",
        harmless(task.fullname),
        task.id,
        coloured(task.status, colour_of_status(task.status), screen.colour),
        reason.empty() ? standing_on(task) : ": " + reason);
  }
  std::string text =
      fmt::format("created {}: ", count_of(static_cast<std::int64_t>(answer.count), "task"));
  std::string waiting;
  for (std::size_t i = 0; i < answer.tasks.size(); ++i) {
    const wire::SubmittedTask& task = answer.tasks[i];
    if (i < names_shown_max) {
      text += fmt::format("{}{} (#{})", i == 0 ? "" : ", ", harmless(task.fullname), task.id);
    }
    if (waiting.empty() && task.status == "Waiting" && !reason_text(task.reason).empty()) {
      waiting = fmt::format("  {} waits: {}\n", harmless(task.fullname), reason_text(task.reason));
    }
  }
  if (answer.count > names_shown_max) {
    text += fmt::format(", … #{}", answer.first_task + answer.count - 1);
  }
  return text + "\n" + waiting;
}

std::string changes_text(const wire::VerbAnswer& answer, const std::string& verb) {
  std::string text;
  for (const wire::Changed& task : answer.changed) {
    text += fmt::format(
        "{} {} (#{}){}\n",
        verb,
        harmless(task.fullname),
        task.id,
        task.ending ? ": it is being stopped" : "");
  }
  if (answer.count > answer.changed.size()) {
    text += fmt::format("… and {} more\n", answer.count - answer.changed.size());
  }
  return text;
}

std::string wait_text(const wire::WaitAnswer& answer, const Screen& screen) {
  std::string text = counts_text(answer.counts);
  text += text.empty() ? "nothing to wait for\n" : "\n";
  std::size_t told = 0;
  const auto add = [&](const wire::Task& task) {
    if (++told > remarks_shown_max) {
      return;
    }
    const std::string remark = remark_of(task);
    text += fmt::format(
        "  {}: {}{}\n",
        label_of(task),
        coloured(task.status, colour_of_status(task.status), screen.colour),
        remark.empty() ? "" : ": " + remark);
    if (task.status == "Failed" && task.stderr_) {
      text += fmt::format("    stderr: {}\n", *task.stderr_);
    }
  };
  for (const wire::Task& task : answer.tasks) {
    if (task.status == "Failed" || task.status == "Cancelled") {
      add(task);
    }
  }
  for (const wire::Task& task : answer.stuck) {
    add(task);
  }
  if (told > remarks_shown_max) {
    text += fmt::format("  … and {} more: `meow list` has them\n", told - remarks_shown_max);
  }
  return text;
}

std::uint64_t count_of_status(const wire::Counts& counts, const std::string& status) {
  for (const auto& [name, count] : counts) {
    if (name == status) {
      return count;
    }
  }
  return 0;
}

std::string stopped_text(
    const wire::ExitAnswer& answer, const wire::Counts& before, bool keep_tasks) {
  std::string text = "the backend has stopped";
  if (keep_tasks) {
    text += "; running tasks go on";
  } else if (answer.stopped > 0) {
    const auto stopped = static_cast<std::int64_t>(answer.stopped);
    text += fmt::format(", and {} with it", count_of(stopped, "running task"));
  }
  const auto waiting = static_cast<std::int64_t>(count_of_status(before, "Waiting"));
  if (waiting > 0) {
    text += fmt::format("; {} for the next start", count_of(waiting, "task waits", "tasks wait"));
  }
  return text;
}

std::string devices_text(const wire::Devices& devices, const Screen& screen) {
  std::string text = fmt::format(
      "{}: {:g} cores, {}\n",
      devices.host.name,
      static_cast<double>(devices.host.cpus.value) / 1000,
      describe(Mib{devices.host.ram}));
  Table table(
      {{"DEVICE", false, Shrink::never},
       {"MODEL", false, Shrink::in_the_middle, 10, 16},
       {"HEALTH", false, Shrink::never},
       {"TOTAL", true, Shrink::never},
       {"OTHERS", true, Shrink::never},
       {"CLAIMED", true, Shrink::never},
       {"FREE", true, Shrink::never},
       {"HELD BY", false, Shrink::in_the_middle, 12, 20},
       {"NOTE", false, Shrink::at_the_end, 10, 20}});
  for (const wire::Device& device : devices.devices) {
    const bool fine = device.health == "ok";
    table.add(
        {{device.name},
         {harmless(device.model)},
         {device.health, fine ? Colour::green : Colour::red},
         {describe(Mib{device.total})},
         {describe(Mib{device.used_by_others})},
         {describe(Mib{device.claimed})},
         {describe(Mib{device.free})},
         {harmless(joined_by_comma(device.tasks))},
         {harmless(device.note)}});
  }
  text += table.empty() ? "" : table.text(screen);
  if (devices.error) {
    text +=
        coloured("warning:", Colour::yellow, screen.colour) + " " + harmless(*devices.error) + "\n";
  }
  return text;
}

}  // namespace cattino::cli
