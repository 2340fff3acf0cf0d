// A device and a host, as the scheduling core knows them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/amounts.h"

namespace cattino::core {

enum class DeviceKind : std::uint8_t {
  accelerator,  ///< can be asked for whole
  cpu,          ///< always shared; its memory is the host's; a request without memory claims none
};

enum class DeviceHealth : std::uint8_t {
  ok,
  unknown,  ///< the driver does not answer: nothing new starts there, requests are still checked against it
  lost,     ///< it was there and is not any more
  drained,  ///< the user wants nothing new there
};

/// One device. `index` is its place in its host's list and never changes meaning in a daemon's life.
struct Device {
  std::uint16_t index = 0;
  DeviceKind kind = DeviceKind::accelerator;
  DeviceHealth health = DeviceHealth::ok;
  bool strangers = false;  ///< processes outside tasks compute on it: not idle
  Mib total;
  Mib used_by_others;      ///< by strangers, and by tasks beyond what they asked for
  std::string name;        ///< "cuda:0": what people see
  std::string visible_id;  ///< what its visibility variable takes: "0", "GPU-6f1…"
  std::string uuid;
  std::string model;
  std::string note;  ///< who the strangers are, or the driver's error; for reasons
};

struct Host {
  std::uint32_t id = 0;
  Millicores cpus;
  Mib ram;
  std::vector<Device> devices;
  /// How far devices are from each other: row by row, 0 on the diagonal, more is worse (NVLink, one PCIe switch,
  /// one NUMA node, another). Empty: all are alike.
  std::vector<std::uint8_t> distances;
};

}  // namespace cattino::core
