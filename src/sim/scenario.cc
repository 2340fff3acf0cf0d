// Reads a scenario: see scenario.h for the format.
#include "sim/scenario.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "sim/read_doing.h"
#include "sim/read_policy.h"
#include "sim/read_work.h"
#include "sim/words.h"

namespace cattino::sim {
namespace {

constexpr std::int64_t default_cores = 64;
constexpr std::int64_t default_ram_mib = 256 * 1024;
constexpr std::uint8_t far_apart = 10;

/// One file, line by line.
class Reader {
 public:
  explicit Reader(std::string_view file_name) : file_name_(file_name) {}

  Result<Scenario> read(std::string_view text) {
    draft_.batch.id = {1};
    std::size_t number = 0;
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
      ++number;
      if (Status status = read_line(line); !status) {
        Error error = status.error();
        error.field = fmt::format("{}:{}", file_name_, number);
        return error;
      }
    }
    close_batch({});
    if (draft_.scenario.hosts.empty()) {
      new_host();
    }
    if (!expecting_) {
      Error error = wrong("there is no 'expect'");
      error.field = fmt::format("{}:{}", file_name_, number);
      return error;
    }
    return std::move(draft_.scenario);
  }

 private:
  Status read_line(std::string_view line) {
    Words words(words_of(line));
    if (!words.more()) {
      return ok();
    }
    if (expecting_) {
      std::string joined = words.take();
      while (words.more()) {
        joined += " " + words.take();
      }
      draft_.scenario.expected.push_back(std::move(joined));
      return ok();
    }
    Status status = read_statement(words);
    if (status && words.more()) {
      return wrong(fmt::format("'{}' is one word too many", words.take()));
    }
    return status;
  }

  Status read_statement(Words& words) {
    const std::string verb = words.take();
    if (verb == "host") {
      return read_host(words);
    }
    if (verb == "device") {
      return read_device(words);
    }
    if (verb == "near") {
      return read_near(words);
    }
    if (verb == "counter") {
      return read_counter(words, draft_.scenario.counters);
    }
    if (verb == "policy") {
      return read_policy(words, draft_.scenario.policy);
    }
    if (verb == "group") {
      return read_group(words, draft_);
    }
    if (verb == "task") {
      return read_task(words, draft_);
    }
    if (verb == "edge") {
      return read_edge(words, draft_);
    }
    if (verb == "submit") {
      return read_submit(words);
    }
    if (verb == "at") {
      return read_doing(words, draft_);
    }
    if (verb == "expect") {
      expecting_ = true;
      return ok();
    }
    return wrong(fmt::format("'{}' is no statement", verb));
  }

  core::Host& new_host() {
    core::Host host;
    host.id = static_cast<std::uint32_t>(draft_.scenario.hosts.size());
    host.cpus = {default_cores * 1000};
    host.ram = {default_ram_mib};
    draft_.scenario.hosts.push_back(host);
    return draft_.scenario.hosts.back();
  }

  Status read_host(Words& words) {
    core::Host& host = new_host();
    while (words.more()) {
      const std::string what = words.take();
      Status status = what == "cpus"  ? words.take_as(host.cpus, parse_cores)
                      : what == "ram" ? words.take_mib(host.ram)
                                      : wrong(fmt::format("a host has no '{}'", what));
      if (!status) {
        return status;
      }
    }
    return ok();
  }

  Status read_device(Words& words) {
    core::Host& host = draft_.scenario.hosts.empty() ? new_host() : draft_.scenario.hosts.back();
    core::Device device;
    device.index = static_cast<std::uint16_t>(host.devices.size());
    device.name = words.take();
    device.visible_id = std::to_string(device.index);
    if (Status status = draft_.names.add_device(device.name); !status) {
      return status;
    }
    if (Status status = words.take_mib(device.total); !status) {
      return status;
    }
    while (words.more()) {
      const std::string what = words.take();
      if (what == "model") {
        device.model = words.take();
      } else if (what == "cpu") {
        device.kind = core::DeviceKind::cpu;
      } else {
        return wrong("after its memory a device may only be a 'cpu', or of a 'model'");
      }
    }
    if (!host.distances.empty()) {
      return wrong("all devices of a host come before what is said of their distances");
    }
    host.devices.push_back(std::move(device));
    return ok();
  }

  static std::size_t index_of(const core::Host& host, const std::string& name) {
    const auto found =
        std::find_if(host.devices.begin(), host.devices.end(), [&name](const auto& device) {
          return device.name == name;
        });
    return static_cast<std::size_t>(found - host.devices.begin());
  }

  /// `near DEVICE DEVICE… DISTANCE`, of the host above.
  Status read_near(Words& words) {
    core::Host& host = draft_.scenario.hosts.empty() ? new_host() : draft_.scenario.hosts.back();
    const std::size_t devices = host.devices.size();
    std::vector<std::size_t> island;
    std::string word = words.take();
    for (; words.more(); word = words.take()) {
      island.push_back(index_of(host, word));
      if (island.back() == devices) {
        return wrong(fmt::format("no device of this host is called '{}'", word));
      }
    }
    const Result<std::int64_t> distance = parse_number(word);
    if (!distance || island.size() < 2 || *distance < 0 || *distance > UINT8_MAX) {
      return wrong("it is written: near DEVICE DEVICE… DISTANCE");
    }
    if (host.distances.empty()) {
      host.distances.assign(devices * devices, far_apart);
      for (std::size_t i = 0; i < devices; ++i) {
        host.distances[i * devices + i] = 0;
      }
    }
    for (const std::size_t from : island) {
      for (const std::size_t to : island) {
        host.distances[from * devices + to] =
            from == to ? std::uint8_t{0} : static_cast<std::uint8_t>(*distance);
      }
    }
    return ok();
  }

  Status read_submit(Words& words) {
    Duration at;
    if (words.take() != "at") {
      return wrong("it is written: submit at TIME");
    }
    if (Status status = words.take_duration(at); !status) {
      return status;
    }
    close_batch(at);
    return ok();
  }

  void close_batch(Duration at) {
    if (draft_.batch.tasks.empty() && draft_.batch.groups.empty()) {
      return;
    }
    Doing doing;
    doing.kind = Doing::Kind::submit;
    doing.at = at;
    doing.batch = draft_.scenario.batches.size();
    draft_.scenario.doings.push_back(doing);
    const SubmissionId next{draft_.batch.id.value + 1};
    draft_.scenario.batches.push_back(std::exchange(draft_.batch, {}));
    draft_.batch.id = next;
  }

  std::string file_name_;
  Draft draft_;
  bool expecting_ = false;
};

}  // namespace

Result<Scenario> parse_scenario(std::string_view file_name, std::string_view text) {
  return Reader(file_name).read(text);
}

}  // namespace cattino::sim
