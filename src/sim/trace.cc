// Reading the tables, and filling the cluster through the core.
#include "sim/trace.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <variant>

#include <fmt/core.h>

#include "base/dice.h"
#include "core/scheduler.h"
#include "sim/words.h"

namespace cattino::sim {
namespace {

constexpr std::int64_t whole_milli = 1000;
constexpr std::int64_t ppm_of_milli = 1000;

/// A table of text, read row by row; numbers of a row by the names of their columns.
class Table {
 public:
  explicit Table(std::string_view text) : rest_(text) { header_ = cells_of(line()); }

  bool next() {
    std::string_view text;
    while (text.empty() && !rest_.empty()) {
      text = line();
    }
    row_ = cells_of(text);
    return !text.empty();
  }

  Result<std::int64_t> number(const char* column, std::int64_t least, std::int64_t most) const {
    const std::string* cell = find(column);
    if (cell == nullptr) {
      return wrong(column, "the column is missing");
    }
    if (cell->empty()) {
      return std::int64_t{0};
    }
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(cell->data(), cell->data() + cell->size(), value);
    const bool all = error == std::errc{} && end == cell->data() + cell->size();
    if (!all || value < least || value > most) {
      return wrong(
          column, fmt::format("expected a number from {} to {}, got `{}`", least, most, *cell));
    }
    return value;
  }

  [[nodiscard]] bool has(const char* column) const {
    const std::string* cell = find(column);
    return cell != nullptr && !cell->empty();
  }

 private:
  [[nodiscard]] const std::string* find(const char* column) const {
    const auto at = std::find(header_.begin(), header_.end(), column);
    const auto index = static_cast<std::size_t>(at - header_.begin());
    return at == header_.end() || index >= row_.size() ? nullptr : &row_[index];
  }

  std::string_view line() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++line_;
    if (text.ends_with('\r')) {
      text.remove_suffix(1);
    }
    return text;
  }
  static std::vector<std::string> cells_of(std::string_view text) {
    std::vector<std::string> cells = split(text, ',');
    if (text.ends_with(',')) {
      cells.emplace_back();  // which split() leaves out
    }
    return cells;
  }

  [[nodiscard]] Error wrong(const char* column, std::string what) const {
    return {ErrorCode::invalid, std::move(what), fmt::format("line {}, {}", line_, column), {}};
  }

  std::string_view rest_;
  std::vector<std::string> header_;
  std::vector<std::string> row_;
  std::size_t line_ = 0;
};

/// Numbers of one row; the first that is wrong is kept.
class Row {
 public:
  explicit Row(const Table& table) : table_(table) {}

  std::int64_t number(const char* column, std::int64_t most, std::int64_t least = 0) {
    const Result<std::int64_t> value = table_.number(column, least, most);
    if (!value && status_) {
      status_ = value.error();
    }
    return value ? *value : 0;
  }
  [[nodiscard]] bool has(const char* column) const { return table_.has(column); }
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  const Table& table_;
  Status status_ = ok();
};

/// What `make` makes of each row, up to the first that is wrong.
template <class T, class Make>
Result<std::vector<T>> read_table(std::string_view text, Make make) {
  std::vector<T> made;
  Table table(text);
  while (table.next()) {
    Row row(table);
    made.push_back(make(row));
    if (!row.status()) {
      return row.status().error();
    }
  }
  return made;
}

constexpr std::int64_t most_milli = 1'000'000'000;
constexpr std::int64_t most_mib = 1'000'000'000'000;
constexpr std::int64_t most_gpus = 64;
constexpr std::int64_t most_seconds = 1'000'000'000;

core::Request request_of(Row& row) {
  core::Request request;
  request.cpus = {row.number("cpu_milli", most_milli)};
  request.ram = {row.number("memory_mib", most_mib)};
  request.min_devices = static_cast<std::uint16_t>(row.number("num_gpu", most_gpus));
  const std::int64_t milli = row.number("gpu_milli", whole_milli);
  if (request.min_devices == 1 && milli < whole_milli) {
    request.memory = {MemoryRequest::Kind::share, milli * ppm_of_milli};
  }
  return request;
}

core::Policy with_largest(core::Policy policy, const std::vector<core::Host>& hosts) {
  for (const core::Host& host : hosts) {
    const Mib memory{static_cast<std::int64_t>(host.devices.size()) * gpu_memory.value};
    policy.placement.largest_memory = std::max(policy.placement.largest_memory, memory);
    policy.placement.largest_cpus = std::max(policy.placement.largest_cpus, host.cpus);
  }
  return policy;
}

}  // namespace

Result<std::vector<core::Host>> read_nodes(std::string_view text) {
  std::uint32_t next_id = 0;
  return read_table<core::Host>(text, [&next_id](Row& row) {
    core::Host host;
    host.id = next_id++;
    host.cpus = {row.number("cpu_milli", most_milli)};
    host.ram = {row.number("memory_mib", most_mib)};
    const std::int64_t gpus = row.number("gpu", most_gpus);
    for (std::int64_t i = 0; i < gpus; ++i) {
      core::Device device;
      device.index = static_cast<std::uint16_t>(i);
      device.total = gpu_memory;
      host.devices.push_back(device);
    }
    return host;
  });
}

Result<std::vector<core::Request>> read_pods(std::string_view text) {
  return read_table<core::Request>(text, request_of);
}

Result<std::vector<RecordedPod>> read_recorded_pods(std::string_view text) {
  return read_table<RecordedPod>(text, [](Row& row) {
    RecordedPod pod;
    pod.request = request_of(row);
    pod.created = Duration::seconds(row.number("creation_time", most_seconds));
    const std::int64_t start = row.number("scheduled_time", most_seconds);
    const std::int64_t end = row.number("deletion_time", most_seconds, start);
    if (row.has("scheduled_time") && row.has("deletion_time")) {
      pod.run = Duration::seconds(end - start);
    }
    return pod;
  });
}

std::int64_t milli_of(const core::Request& request) {
  const std::int64_t each = request.memory.kind == MemoryRequest::Kind::share
                                ? request.memory.value / ppm_of_milli
                                : whole_milli;
  return request.min_devices * each;
}

std::vector<core::Expected> expected_of(const std::vector<core::Request>& pods) {
  std::map<core::Request, std::int64_t> counts;
  for (const core::Request& pod : pods) {
    ++counts[pod];
  }
  std::vector<core::Expected> expected;
  expected.reserve(counts.size());
  for (const auto& [request, count] : counts) {
    expected.push_back({request, count});
  }
  return expected;
}

Filling fill(
    const Trace& trace, const core::Policy& policy, std::uint64_t seed, std::int64_t percent) {
  core::Scheduler scheduler(with_largest(policy, trace.hosts));
  core::Actions actions;
  Filling filling;
  const Time now{1};
  for (const core::Host& host : trace.hosts) {
    scheduler.step(now, core::HostObserved{host}, actions);
    filling.gpus_milli += static_cast<std::int64_t>(host.devices.size()) * whole_milli;
  }
  Dice dice(seed);
  while (filling.asked_milli * 100 < filling.gpus_milli * percent) {
    core::Submitted work;
    work.id = {++filling.pods};
    core::TaskSpec spec;
    spec.id = {filling.pods};
    spec.request = trace.pods[dice.below(trace.pods.size())];
    spec.created = now;
    const std::int64_t milli = milli_of(spec.request);
    filling.asked_milli += milli;
    work.tasks.push_back(spec);
    actions.clear();
    scheduler.step(now, work, actions);
    const bool started =
        std::any_of(actions.begin(), actions.end(), [](const core::Action& action) {
          return std::holds_alternative<core::StartAttempt>(action);
        });
    filling.placed += started ? 1 : 0;
    filling.allocated_milli += started ? milli : 0;
  }
  return filling;
}

}  // namespace cattino::sim
