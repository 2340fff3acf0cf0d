// Words and values of a scenario: see words.h.
#include "sim/words.h"

#include <charconv>

#include <fmt/core.h>

#include "sim/scenario.h"

namespace cattino::sim {

Error wrong(std::string message) {
  return {ErrorCode::invalid, std::move(message), {}, {}};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return parts;
}

Result<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) {
    return wrong(fmt::format("'{}' is no whole number", text));
  }
  return number;
}

Result<Millicores> parse_cores(std::string_view text) {
  const std::size_t point = text.find('.');
  std::string digits(text.substr(0, point));
  std::string decimals(point == std::string_view::npos ? "" : text.substr(point + 1));
  if (decimals.size() > 3) {
    return wrong(fmt::format("'{}' is finer than a thousandth of a core", text));
  }
  decimals.append(3 - decimals.size(), '0');
  const Result<std::int64_t> number = parse_number(digits.append(decimals));
  if (!number) {
    return wrong(fmt::format("'{}' is no number of cores", text));
  }
  return Millicores{*number};
}

Result<std::int64_t> parse_ratio(std::string_view text) {
  constexpr std::int64_t ppm_of_thousandth = 1000;
  const Result<Millicores> thousandths = parse_cores(text);
  if (!thousandths) {
    return wrong(fmt::format("'{}' is no ratio such as 1.5", text));
  }
  return thousandths->value * ppm_of_thousandth;
}

Result<AttemptEnd> parse_exit(std::string_view text) {
  constexpr int sigkill = 9;
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  if (text == "lost") {
    return AttemptEnd{ExitStatus::of_lost()};
  }
  if (text == "oom") {
    return AttemptEnd{ExitStatus::of_signal(sigkill), true};
  }
  const Result<std::int64_t> number =
      parse_number(colon == std::string_view::npos ? text : text.substr(colon + 1));
  if (!number) {
    return number.error();
  }
  const int value = static_cast<int>(*number);
  if (colon == std::string_view::npos) {
    return AttemptEnd{ExitStatus::of_code(value)};
  }
  if (kind == "signal") {
    return AttemptEnd{ExitStatus::of_signal(value)};
  }
  for (const StartStage stage :
       {StartStage::logs,
        StartStage::working_directory,
        StartStage::limits,
        StartStage::executable,
        StartStage::fork,
        StartStage::exec}) {
    if (kind == name(stage)) {
      return AttemptEnd{ExitStatus::of_stage(stage, value)};
    }
  }
  return wrong(fmt::format("'{}' is no end of a task", text));
}

Result<core::When> parse_when(std::string_view text) {
  if (text.empty() || text == "ok") {
    return core::When::ok;
  }
  if (text == "any" || text == "fail") {
    return text == "any" ? core::When::any : core::When::fail;
  }
  return wrong(fmt::format("'{}' is none of ok, any, fail", text));
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : line) {
    const bool blank = c == ' ' || c == '\t' || c == '\r';
    if (c == '#' && word.empty()) {
      break;
    }
    if (!blank) {
      word.push_back(c);
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  if (!word.empty()) {
    words.push_back(std::move(word));
  }
  return words;
}

}  // namespace cattino::sim
