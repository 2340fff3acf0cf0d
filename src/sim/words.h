// The words of one line of a scenario, and the values they stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/amounts.h"
#include "base/exit_status.h"
#include "base/result.h"
#include "base/text.h"
#include "base/time.h"
#include "core/task.h"
#include "sim/scenario.h"

namespace cattino::sim {

Error wrong(std::string message);
std::vector<std::string> split(std::string_view text, char separator);

Result<std::int64_t> parse_number(std::string_view text);
/// "2", "0.5", "1.25" → thousandths.
Result<Millicores> parse_cores(std::string_view text);
/// "1.5" → millionths.
Result<std::int64_t> parse_ratio(std::string_view text);
/// "3", "signal:9", "oom", "lost", "exec:2".
Result<AttemptEnd> parse_exit(std::string_view text);
/// "", "ok", "any", "fail".
Result<core::When> parse_when(std::string_view text);

/// One line, taken word by word.
class Words {
 public:
  explicit Words(std::vector<std::string> words) : words_(std::move(words)) {}

  [[nodiscard]] bool more() const { return next_ < words_.size(); }
  /// The next word; empty if there is none.
  std::string take() { return more() ? words_[next_++] : std::string{}; }

  template <class T, class Parse>
  Status take_as(T& target, Parse parse) {
    auto parsed = parse(take());
    if (!parsed) {
      return parsed.error();
    }
    target = std::move(*parsed);
    return ok();
  }
  Status take_number(std::int64_t& target) { return take_as(target, parse_number); }
  /// A whole number that the target can hold.
  template <class Number>
  Status take_whole(Number& target) {
    std::int64_t number = 0;
    Status status = take_number(number);
    if (status && !std::in_range<Number>(number)) {
      return wrong(std::to_string(number) + " is out of range");
    }
    target = status ? static_cast<Number>(number) : target;
    return status;
  }
  Status take_duration(Duration& target) { return take_as(target, parse_duration); }
  Status take_mib(Mib& target) { return take_as(target, parse_mib); }

 private:
  std::vector<std::string> words_;
  std::size_t next_ = 0;
};

}  // namespace cattino::sim
