// Short texts, made of what the daemon says.
#include "cli/words.h"

#include <fmt/core.h>

#include "cli/terminal.h"

namespace cattino::cli {

std::string joined_by_comma(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ",") + word;
  }
  return text;
}

std::string reason_text(const wire::Nullable<wire::Reason>& reason) {
  return reason ? harmless(reason->text) : "";
}

std::string brief_reason_text(const wire::Nullable<wire::Reason>& reason) {
  std::string text = reason_text(reason);
  const std::string kind = reason ? reason->kind.value_or("") : "";
  const bool short_of = kind == "devices" || kind == "cpus" || kind == "ram" || kind == "resources";
  if (short_of || (reason && !reason->devices.empty())) {
    text = text.substr(0, text.find(": "));
  }
  return text;
}

std::string status_text(const wire::Task& task) {
  if (task.status == "Running" && task.phase && *task.phase != "process" && !task.phase->empty()) {
    return fmt::format("Running ({})", *task.phase);
  }
  return task.held ? task.status + " (held)" : task.status;
}

std::string progress_text(const std::optional<wire::Progress>& progress) {
  if (!progress) {
    return {};
  }
  std::string text;
  if (progress->step && progress->total && *progress->total > 0) {
    const double share =
        100.0 * static_cast<double>(*progress->step) / static_cast<double>(*progress->total);
    text = fmt::format("{:.0f} % ({}/{})", share, *progress->step, *progress->total);
  } else if (progress->step) {
    text = fmt::format("step {}", *progress->step);
  }
  for (const auto& [name, number] : progress->metrics) {
    text += fmt::format("{}{} {:.4g}", text.empty() ? "" : ", ", harmless(name), number.value);
  }
  return text;
}

}  // namespace cattino::cli
