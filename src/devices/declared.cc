// Parses declarations such as "4x24GiB".
#include "devices/declared.h"

#include <charconv>
#include <cstddef>
#include <optional>

#include <fmt/core.h>

#include "base/text.h"

namespace cattino::devices {

namespace {

constexpr std::size_t most_devices = 1024;

Error invalid(std::string_view item, std::string_view what) {
  return {
      .code = ErrorCode::invalid,
      .message = fmt::format("'{}' {}", item, what),
      .field = "devices",
      .hint =
          "write count x memory, and a model if it matters: 4x24GiB, or 2x24GiB,1x80GiB:a100; "
          "none for a machine without accelerators"};
}

/// What one item declares: that many devices of one kind.
struct Declaration {
  std::size_t count = 1;
  Mib memory;
  std::string model;
};

Result<Declaration> parse_item(std::string_view item) {
  Declaration found;
  std::string_view rest = item;
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    found.model = trimmed(rest.substr(colon + 1));
    rest = trimmed(rest.substr(0, colon));
    if (found.model.empty()) {
      return invalid(item, "names no model after the colon");
    }
  }
  const std::size_t times = rest.find('x');
  if (times != std::string_view::npos) {
    const std::string_view count = trimmed(rest.substr(0, times));
    const char* end = count.data() + count.size();
    const auto [stop, error] = std::from_chars(count.data(), end, found.count);
    if (error != std::errc() || stop != end || found.count == 0 || found.count > most_devices) {
      return invalid(item, fmt::format("does not begin with a count from 1 to {}", most_devices));
    }
    rest = trimmed(rest.substr(times + 1));
  } else if (rest.find_first_not_of("0123456789") == std::string_view::npos) {
    return invalid(item, "does not say how much memory a device has");
  }
  const Result<Mib> memory = parse_mib(rest);
  if (!memory || memory->value == 0) {
    return invalid(item, "does not say how much memory a device has");
  }
  found.memory = *memory;
  return found;
}

core::Device declared_device(std::size_t index, const Declaration& declaration) {
  core::Device device;
  device.index = static_cast<std::uint16_t>(index);
  device.total = declaration.memory;
  device.name = fmt::format("cuda:{}", index);
  device.visible_id = fmt::format("{}", index);
  device.model = declaration.model;
  return device;
}

}  // namespace

Result<std::vector<core::Device>> parse_declared(std::string_view text) {
  std::vector<core::Device> devices;
  const std::string_view whole = trimmed(text);
  if (whole == "none" || whole == "0") {
    return devices;
  }
  for (const std::string_view part : split(whole, ',')) {
    const Result<Declaration> item = parse_item(part);
    if (!item) {
      return item.error();
    }
    if (devices.size() + item->count > most_devices) {
      return invalid(text, fmt::format("declares more than {} devices", most_devices));
    }
    for (std::size_t i = 0; i < item->count; ++i) {
      devices.push_back(declared_device(devices.size(), *item));
    }
  }
  return devices;
}

Inventory cpu_inventory(core::Host host) {
  core::Device device;
  device.kind = core::DeviceKind::cpu;
  device.total = host.ram;
  device.name = "cpu:0";
  host.devices = {device};
  Inventory inventory;
  inventory.host = std::move(host);
  return inventory;
}

Inventory DeclaredProbe::observe(const Attribution& /*attribution*/) {
  if (host_.devices.empty()) {
    return cpu_inventory(host_);
  }
  Inventory inventory;
  inventory.host = host_;
  inventory.visibility_variable = "CUDA_VISIBLE_DEVICES";
  inventory.extra_environment = {{"CUDA_DEVICE_ORDER", "PCI_BUS_ID"}};
  return inventory;
}

}  // namespace cattino::devices
