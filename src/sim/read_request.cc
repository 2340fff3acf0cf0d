// What tasks of a scenario ask for: see read_request.h.
#include "sim/read_request.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>

namespace cattino::sim {
namespace {

/// "licence:2"
Result<core::CounterAmount> parse_counter(const std::string& text) {
  const std::size_t colon = text.find(':');
  const Result<std::int64_t> amount =
      parse_number(colon == std::string::npos ? "" : text.substr(colon + 1));
  if (!amount) {
    return wrong("it is written: counters NAME:NUMBER,…");
  }
  return core::CounterAmount{text.substr(0, colon), *amount};
}

Status read_counters(Words& words, std::vector<core::CounterAmount>& counters) {
  for (const std::string& text : split(words.take(), ',')) {
    Result<core::CounterAmount> counter = parse_counter(text);
    if (!counter) {
      return counter.error();
    }
    counters.push_back(std::move(*counter));
  }
  std::sort(counters.begin(), counters.end());
  return ok();
}

/// Null if it is none of these.
bool* end_named(const std::string& text, core::RetryPolicy& retry) {
  const std::array named{
      std::pair{"exit", &retry.on_code},
      std::pair{"signal", &retry.on_signal},
      std::pair{"timeout", &retry.on_timeout},
      std::pair{"oom", &retry.on_oom},
      std::pair{"lost", &retry.on_lost}};
  for (const auto& [name, flag] : named) {
    if (text == name) {
      return flag;
    }
  }
  return nullptr;
}

Status read_retry_on(Words& words, core::RetryPolicy& retry) {
  retry.on_code = retry.on_signal = retry.on_timeout = retry.on_oom = retry.on_lost = false;
  for (const std::string& text : split(words.take(), ',')) {
    if (bool* const named = end_named(text, retry); named != nullptr) {
      *named = true;
      continue;
    }
    const Result<std::int64_t> code = parse_number(text);
    if (!code || *code < 1 || *code > UINT8_MAX) {
      return wrong(fmt::format("'{}' is no end after which a task can be retried", text));
    }
    retry.codes.push_back(static_cast<std::uint8_t>(*code));
  }
  std::sort(retry.codes.begin(), retry.codes.end());
  return ok();
}

std::optional<Status> read_retry(const std::string& what, Words& words, core::RetryPolicy& retry) {
  if (what == "retries") {
    return words.take_whole(retry.retries);
  }
  if (what == "retry-on") {
    return read_retry_on(words, retry);
  }
  if (what == "backoff") {
    return words.take_duration(retry.backoff);
  }
  if (what == "longest-backoff") {
    return words.take_duration(retry.longest_backoff);
  }
  if (what == "oom-growth") {
    return words.take_as(retry.oom_growth_ppm, parse_ratio);
  }
  return std::nullopt;
}

/// What it must have to run.
std::optional<Status> read_needs(const std::string& what, Words& words, core::Request& request) {
  if (what == "devices") {
    return words.take_whole(request.min_devices);
  }
  if (what == "max-devices") {
    return words.take_whole(request.max_devices);
  }
  if (what == "memory") {
    return words.take_as(request.memory, parse_memory_request);
  }
  if (what == "cpus") {
    return words.take_as(request.cpus, parse_cores);
  }
  if (what == "ram") {
    return words.take_mib(request.ram);
  }
  if (what == "limit") {
    return words.take_duration(request.time_limit);
  }
  if (what == "pin") {
    request.pins = split(words.take(), ',');
    return request.pins.empty() ? Status(wrong("'pin' names no device")) : ok();
  }
  if (what == "counters") {
    return read_counters(words, request.counters);
  }
  return std::nullopt;
}

/// Its place among others.
std::optional<Status> read_turn(const std::string& what, Words& words, core::TaskSpec& spec) {
  if (what == "priority") {
    return words.take_whole(spec.priority);
  }
  if (what == "not-before") {
    Duration moment;
    Status status = words.take_duration(moment);
    spec.not_before = epoch + moment;
    return status;
  }
  if (what == "user") {
    return words.take_whole(spec.user.value);
  }
  if (what == "expected") {
    return words.take_duration(spec.expected);
  }
  if (what == "held" || what == "preemptible" || what == "keep-waiting") {
    spec.held = spec.held || what == "held";
    spec.preemptible = spec.preemptible || what == "preemptible";
    spec.cascade = spec.cascade && what != "keep-waiting";
    return ok();
  }
  return std::nullopt;
}

}  // namespace

std::optional<Status> read_request(const std::string& what, Words& words, core::TaskSpec& spec) {
  if (std::optional<Status> status = read_needs(what, words, spec.request); status.has_value()) {
    return status;
  }
  if (std::optional<Status> status = read_retry(what, words, spec.retry); status.has_value()) {
    return status;
  }
  return read_turn(what, words, spec);
}

}  // namespace cattino::sim
