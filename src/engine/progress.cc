// Reports and progress bars.
#include "engine/progress.h"

#include <algorithm>

#include <boost/json.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "engine/paths.h"
#include "sys/fd.h"

namespace cattino::engine {

namespace json = boost::json;

namespace {

constexpr std::size_t report_bytes = 64UL * 1024;
constexpr std::size_t tail_bytes = 2048;  // a bar is one line
constexpr std::size_t metrics_max = 64;

std::optional<std::int64_t> whole_in(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? std::optional(value->get_int64()) : std::nullopt;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view without_spaces(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

/// "N/M" around the slash at `at`, if a bar is drawn before or behind it.
std::optional<Progress> bar_at(std::string_view log, std::size_t at) {
  std::size_t first = at;
  while (first > 0 && is_digit(log[first - 1])) {
    --first;
  }
  std::size_t end = at + 1;
  while (end < log.size() && is_digit(log[end])) {
    ++end;
  }
  const std::size_t line = log.substr(0, first).find_last_of("\r\n") + 1;
  const std::string_view before = log.substr(line, first - line);
  const std::size_t last = before.find_last_not_of(' ');
  const bool drawn_before = last != std::string_view::npos && before[last] == '|' &&
                            before.find("%|") != std::string_view::npos;
  const std::string_view behind = without_spaces(log.substr(end));
  const bool drawn_behind = behind.starts_with("[=") || behind.starts_with("[>") ||
                            behind.starts_with("[.") || behind.starts_with("\xe2\x94\x81");
  if (!drawn_before && !drawn_behind) {
    return std::nullopt;
  }
  Progress progress;
  progress.step = parse_whole(log.substr(first, at - first));
  progress.total = parse_whole(log.substr(at + 1, end - at - 1));
  return progress.step && progress.total ? std::optional(progress) : std::nullopt;
}

/// Those that are numbers.
std::vector<std::pair<std::string, double>> metrics_in(const json::object& object) {
  std::vector<std::pair<std::string, double>> found;
  const json::value* metrics = object.if_contains("metrics");
  if (metrics == nullptr || !metrics->is_object()) {
    return found;
  }
  for (const auto& [name, metric] : metrics->get_object()) {
    if (metric.is_number() && found.size() < metrics_max) {
      found.emplace_back(name, metric.to_number<double>());
    }
  }
  return found;
}

/// The last bytes of a file; nothing if it cannot be read.
std::string end_of(const std::string& path, std::size_t most) {
  const sys::Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!file) {
    return {};
  }
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  const auto wanted = static_cast<off_t>(most);
  std::string text(most, '\0');
  const ssize_t got =
      ::pread(file.get(), text.data(), text.size(), size > wanted ? size - wanted : 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

}  // namespace

std::optional<Progress> parse_report(std::string_view text) {
  json::error_code failure;
  const json::value value = json::parse({text.data(), text.size()}, failure);
  const json::object* object = failure ? nullptr : value.if_object();
  if (object == nullptr) {
    return std::nullopt;
  }
  Progress progress;
  progress.step = whole_in(*object, "step");
  progress.total = whole_in(*object, "total");
  progress.metrics = metrics_in(*object);
  return progress;
}

std::optional<Progress> last_bar(std::string_view log) {
  for (std::size_t at = log.rfind('/'); at != std::string_view::npos && at > 0;
       at = log.rfind('/', at - 1)) {
    if (std::optional<Progress> found = bar_at(log, at)) {
      return found;
    }
  }
  return std::nullopt;
}

std::optional<Progress> read_report(const std::string& directory, std::uint32_t attempt) {
  const std::string text =
      end_of(attempt_path(directory, "progress", attempt, "json"), report_bytes);
  return text.empty() ? std::nullopt : parse_report(text);
}

std::optional<Progress> read_bar(const std::string& stderr_path, const std::string& stdout_path) {
  std::optional<Progress> found = last_bar(end_of(stderr_path, tail_bytes));
  return found ? found : last_bar(end_of(stdout_path, tail_bytes));
}

}  // namespace cattino::engine
