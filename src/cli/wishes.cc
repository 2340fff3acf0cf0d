// Options as requests. What goes together is the daemon's to check.
#include "cli/wishes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "base/amounts.h"
#include "base/text.h"
#include "cli/moment.h"

namespace cattino::cli {

namespace {

Error invalid(const std::string& message, const char* option, const char* hint) {
  return {ErrorCode::invalid, message, option, hint};
}

Result<Millicores> parse_cores(const std::string& text) {
  double cores = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cores);
  if (error != std::errc{} || end != text.data() + text.size() || !(cores >= 0 && cores <= 1e6)) {
    return invalid(
        fmt::format("'{}' is no number of cores", text), "--cpus", "for example 4 or 0.5");
  }
  return Millicores{std::llround(cores * 1000)};
}

/// The milliseconds of an option; nothing if it was not given.
Result<std::optional<wire::Milliseconds>> length_of(const std::string& text, const char* option) {
  if (text.empty()) {
    return std::optional<wire::Milliseconds>();
  }
  Result<Duration> length = parse_duration(text);
  if (!length) {
    length.error().field = option;
    return length.error();
  }
  if (length->us > 0 && length->ms() == 0) {
    return invalid(fmt::format("'{}' is less than a millisecond", text), option, "");
  }
  return std::optional(length->ms());
}

Result<wire::Dictionary<std::int64_t>> resources_of(const std::vector<std::string>& texts) {
  wire::Dictionary<std::int64_t> resources;
  for (const std::string& text : texts) {
    const std::size_t equals = text.rfind('=');
    std::int64_t amount = 0;
    const char* end = text.data() + text.size();
    const char* number = equals == std::string::npos ? end : text.data() + equals + 1;
    const auto [stop, error] = std::from_chars(number, end, amount);
    const std::string name = text.substr(0, equals);
    if (equals == 0 || number == end || error != std::errc() || stop != end || amount < 1) {
      return invalid(
          fmt::format("'{}' is no NAME=N", text), "--resource", "for example --resource licence=1");
    }
    const auto same = [&name](const auto& item) {
      return item.first == name;
    };
    if (std::any_of(resources.begin(), resources.end(), same)) {
      return invalid(fmt::format("'{}' is asked for twice", name), "--resource", "");
    }
    resources.emplace_back(name, amount);
  }
  return resources;
}

/// "3,signal": codes and words.
Result<std::vector<wire::RetryEnd>> ends_of(const std::string& text) {
  static const std::vector<std::string> words = {"exit", "signal", "timeout", "oom", "lost"};
  std::vector<wire::RetryEnd> ends;
  for (const std::string_view part : split(text, ',')) {
    wire::RetryEnd end;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), end.code);
    const bool is_code = error == std::errc() && stop == part.data() + part.size() && end.code > 0;
    if (!is_code) {
      end = {0, std::string(part)};
    }
    if (!is_code && std::find(words.begin(), words.end(), part) == words.end()) {
      const auto meant = nearest(part, words);
      return invalid(
          fmt::format(
              "'{}' is no exit code from 1 to 255 and none of exit, signal, timeout, oom and "
              "lost{}",
              part,
              meant ? fmt::format(" (did you mean {}?)", *meant) : ""),
          "--retry-on",
          "for example --retry-on 3,signal");
    }
    ends.push_back(std::move(end));
  }
  return ends;
}

std::vector<std::string> pins_of(const std::string& text) {
  std::vector<std::string> pins;
  for (const std::string_view part : split(text, ',')) {
    pins.emplace_back(part);
  }
  return pins;
}

/// Amounts of memory and cores.
Status add_amounts(const CreateOptions& options, wire::Request& request) {
  if (!options.memory.empty()) {
    auto memory = parse_memory_request(options.memory);
    if (!memory) {
      memory.error().field = "--requires-memory-per-device";
      return memory.error();
    }
    request.memory = *memory;
  }
  if (!options.cpus.empty()) {
    auto cores = parse_cores(options.cpus);
    if (!cores) {
      return cores.error();
    }
    request.cpus = *cores;
  }
  if (!options.ram.empty()) {
    auto ram = parse_mib(options.ram);
    if (!ram) {
      ram.error().field = "--ram";
      return ram.error();
    }
    request.ram = *ram;
  }
  return ok();
}

}  // namespace

Result<wire::Request> request_of(const CreateOptions& options) {
  wire::Request request;
  request.min_devices = options.min_devices;
  if (options.max_devices) {
    request.max_devices = static_cast<std::uint16_t>(*options.max_devices);
  }
  if (Status amounts = add_amounts(options, request); !amounts) {
    return amounts.error();
  }
  auto limit = length_of(options.time_limit, "--time-limit");
  if (!limit) {
    return limit.error();
  }
  request.time_limit = *limit;
  if (!options.devices.empty()) {
    request.devices = pins_of(options.devices);
  }
  auto resources = resources_of(options.resources);
  if (!resources) {
    return resources.error();
  }
  if (!resources->empty()) {
    request.resources = std::move(*resources);
  }
  return request;
}

Status add_timing(const CreateOptions& options, wire::Milliseconds now, wire::NewTask& task) {
  task.retries = options.retries;
  if (!options.retry_on.empty()) {
    auto ends = ends_of(options.retry_on);
    if (!ends) {
      return ends.error();
    }
    task.retry_on = std::move(*ends);
  }
  auto backoff = length_of(options.backoff, "--backoff");
  if (!backoff) {
    return backoff.error();
  }
  task.backoff = *backoff;
  if (!options.not_before.empty()) {
    auto moment = parse_moment(options.not_before, now);
    if (!moment) {
      moment.error().field = "--not-before";
      return moment.error();
    }
    task.not_before = *moment;
  }
  if (!options.log_limit.empty()) {
    auto limit = parse_mib(options.log_limit);
    if (!limit) {
      limit.error().field = "--log-limit";
      return limit.error();
    }
    task.log_limit = *limit;
  }
  if (options.hold) {
    task.held = true;
  }
  if (options.preemptible) {
    task.preemptible = true;
  }
  return ok();
}

}  // namespace cattino::cli
