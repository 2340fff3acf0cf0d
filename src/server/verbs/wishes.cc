// Requests and retries. Whether amounts go together is the engine's to check.
#include "server/verbs/wishes.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace cattino::server::verbs {

namespace {

/// A hundred years: far from overflow when added to an instant.
constexpr wire::Milliseconds longest = 36500LL * 24 * 3600 * 1000;

Result<Duration> length_of(const char* field, wire::Milliseconds ms, wire::Milliseconds least) {
  if (ms < least || ms > longest) {
    return Error{
        ErrorCode::invalid,
        fmt::format("expected milliseconds from {} to {}, got {}", least, longest, ms),
        field};
  }
  return Duration::milliseconds(ms);
}

std::vector<std::string> without_repeats(std::vector<std::string> words) {
  std::vector<std::string> kept;
  for (std::string& word : words) {
    if (std::find(kept.begin(), kept.end(), word) == kept.end()) {
      kept.push_back(std::move(word));
    }
  }
  return kept;
}

/// In order of names. A name that is there twice has the last amount, as in any JSON object.
std::vector<core::CounterAmount> counters_of(const wire::Dictionary<std::int64_t>& resources) {
  std::vector<core::CounterAmount> counters;
  counters.reserve(resources.size());
  for (const auto& [name, amount] : resources) {
    counters.push_back({name, amount});
  }
  std::sort(counters.begin(), counters.end());
  return counters;
}

void retry_after(core::RetryPolicy& policy, const std::vector<wire::RetryEnd>& ends) {
  const auto has = [&ends](const char* word) {
    return std::any_of(
        ends.begin(), ends.end(), [word](const wire::RetryEnd& end) { return end.word == word; });
  };
  policy.on_code = has("exit");
  policy.on_signal = has("signal");
  policy.on_timeout = has("timeout");
  policy.on_oom = has("oom");
  policy.on_lost = has("lost");
  for (const wire::RetryEnd& end : ends) {
    if (end.code != 0 && !policy.on_code) {
      policy.codes.push_back(end.code);
    }
  }
  std::sort(policy.codes.begin(), policy.codes.end());
  policy.codes.erase(std::unique(policy.codes.begin(), policy.codes.end()), policy.codes.end());
}

}  // namespace

Result<core::Request> request_of(wire::Request line) {
  core::Request request;
  request.min_devices = line.min_devices.value_or(request.min_devices);
  request.memory = line.memory.value_or(request.memory);
  request.cpus = line.cpus.value_or(request.cpus);
  request.ram = line.ram.value_or(request.ram);
  if (line.max_devices && *line.max_devices < request.min_devices) {
    return Error{
        ErrorCode::invalid,
        fmt::format(
            "expected an integer ≥ min_devices ({}), got {}",
            request.min_devices,
            *line.max_devices),
        "request.max_devices"};
  }
  request.max_devices = line.max_devices.value_or(0);
  if (line.time_limit) {
    const Result<Duration> limit = length_of("request.time_limit", *line.time_limit, 1);
    if (!limit) {
      return limit.error();
    }
    request.time_limit = *limit;
  }
  if (line.devices) {
    request.pins = without_repeats(std::move(*line.devices));
  }
  if (line.resources) {
    request.counters = counters_of(*line.resources);
  }
  return request;
}

Result<core::RetryPolicy> retry_of(const wire::NewTask& line) {
  constexpr std::int64_t one = 1'000'000;
  core::RetryPolicy policy;
  const auto longest_default = policy.longest_backoff.ms();
  const Result<Duration> first =
      length_of("backoff", line.backoff.value_or(policy.backoff.ms()), 0);
  if (!first) {
    return first.error();
  }
  const Result<Duration> most = length_of(
      "longest_backoff", line.longest_backoff.value_or(std::max(longest_default, first->ms())), 0);
  if (!most) {
    return most.error();
  }
  if (*most < *first) {
    return Error{
        ErrorCode::invalid,
        fmt::format(
            "expected milliseconds ≥ backoff ({}), got {}", first->ms(), *line.longest_backoff),
        "longest_backoff"};
  }
  if (line.oom_growth && line.oom_growth->ppm < one) {
    return Error{ErrorCode::invalid, "expected a factor ≥ 1, such as 1.5", "oom_growth"};
  }
  if (line.retries.value_or(0) == 0) {
    return policy;
  }
  policy.retries = *line.retries;
  policy.backoff = *first;
  policy.longest_backoff = *most;
  policy.oom_growth_ppm = line.oom_growth.value_or(wire::Factor{}).ppm;
  if (line.retry_on) {
    retry_after(policy, *line.retry_on);
  }
  return policy;
}

Result<std::optional<Mib>> log_limit_of(const wire::NewTask& line) {
  constexpr Mib most{std::int64_t{1} << 40U};  // an exbibyte: far from overflow as bytes
  if (line.log_limit && *line.log_limit > most) {
    return Error{
        ErrorCode::invalid,
        fmt::format("expected MiB from 0 to {}, got {}", most.value, line.log_limit->value),
        "log_limit"};
  }
  return line.log_limit;
}

Result<Time> not_before_of(const wire::NewTask& line) {
  constexpr wire::Milliseconds last = 253'402'300'799'999;  // of the year 9999
  const wire::Milliseconds at = line.not_before.value_or(0);
  if (at < 0 || at > last) {
    return Error{
        ErrorCode::invalid,
        fmt::format("expected milliseconds since 1970, at most {}, got {}", last, at),
        "not_before"};
  }
  return Time{} + Duration::milliseconds(at);
}

}  // namespace cattino::server::verbs
