// From names to ranges.
#include "base/device_words.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/core.h>

namespace cattino {

namespace {

/// "cuda:3" taken apart.
struct DeviceName {
  std::string_view kind;
  std::uint32_t index = 0;
};

std::optional<DeviceName> parsed(std::string_view name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  DeviceName device{name.substr(0, colon), 0};
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + colon + 1, end, device.index);
  return error == std::errc() && stop == end ? std::optional(device) : std::nullopt;
}

/// The last of those that follow `devices[first]` one by one.
std::size_t end_of_run(const std::vector<std::string>& devices, std::size_t first) {
  std::size_t last = first;
  for (auto before = parsed(devices[first]); before && last + 1 < devices.size(); ++last) {
    const auto next = parsed(devices[last + 1]);
    if (!next || next->kind != before->kind || next->index != before->index + 1) {
      break;
    }
    before = next;
  }
  return last;
}

}  // namespace

std::string devices_words(const std::vector<std::string>& devices) {
  std::string text;
  std::string_view kind;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const auto device = parsed(devices[i]);
    text += text.empty() ? "" : ",";
    text += device && device->kind == kind ? fmt::format("{}", device->index) : devices[i];
    kind = device ? device->kind : std::string_view();
    const std::size_t last = end_of_run(devices, i);
    if (last > i + 1) {
      text += fmt::format("-{}", parsed(devices[last])->index);
      i = last;
    }
  }
  return text;
}

}  // namespace cattino
