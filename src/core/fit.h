// How one host meets one request: the arithmetic of the pool.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/device.h"
#include "core/task.h"
#include "core/use.h"

namespace cattino::core {

/// The memory that the request claims of a device.
Mib claim_on(const Device& device, const MemoryRequest& memory);

/// Whole accelerators, each alone?
bool asks_whole(const MemoryRequest& memory);

/// May a task with these pins have the device? Without any it may have each.
bool is_meant(const Device& device, const std::vector<std::string>& pins);
/// Does this word of a pin mean the device? Its name, index, UUID, or a part of its model, in any case.
bool is_meant(const Device& device, const std::string& pin);

/// A host beside a request. `use` null: as if nothing ran, nobody else was there and every device were
/// in good health.
class Fit {
 public:
  Fit(const Host& host, const HostUse* use, const Request& request);

  [[nodiscard]] const Host& host() const { return host_; }

  [[nodiscard]] bool devices_fit() const { return fitting_.size() >= request_.min_devices; }
  [[nodiscard]] bool cpus_fit() const {
    return wanted_cpus().value == 0 || wanted_cpus() <= free_cpus();
  }
  [[nodiscard]] bool ram_fits() const { return wanted_ram_.value == 0 || wanted_ram_ <= free_ram_; }
  [[nodiscard]] bool fits() const { return devices_fit() && cpus_fit() && ram_fits(); }

  /// Devices of the kind this host hands out.
  [[nodiscard]] std::uint16_t eligible() const { return eligible_; }
  /// Indices of devices that fit, best first.
  [[nodiscard]] const std::vector<std::uint16_t>& fitting() const { return fitting_; }
  [[nodiscard]] bool can_take(std::uint16_t index) const;

  [[nodiscard]] Millicores wanted_cpus() const { return wanted_cpus_; }
  [[nodiscard]] Millicores free_cpus() const { return free_cpus_; }
  /// RAM, and on a host without accelerators what is claimed of its `cpu` device.
  [[nodiscard]] Mib wanted_ram() const { return wanted_ram_; }
  [[nodiscard]] Mib free_ram() const { return free_ram_; }
  [[nodiscard]] Mib free_of(const Device& device) const;

  /// What it costs the pool to place the request here; smaller is better. Only if it fits.
  struct Cost {
    std::int64_t idle_broken = 0;  ///< devices that were idle and will be shared
    Mib left_over;                 ///< on the devices taken (whole ones: their size)
    std::int64_t idle_left = 0;    ///< idle devices that remain
    Millicores cpus_left;
    friend auto operator<=>(const Cost&, const Cost&) = default;
  };
  [[nodiscard]] Cost cost() const;
  /// Of its first `count` devices.
  [[nodiscard]] Allocation allocation(std::size_t count) const;
  [[nodiscard]] Allocation allocation() const { return allocation(taken()); }
  /// Takes this device, which fits, before all others.
  void prefer(std::uint16_t index);
  /// Those for which `wanted(index)` come before the others.
  template <class Wanted>
  void prefer_if(Wanted wanted) {
    std::stable_partition(fitting_.begin(), fitting_.end(), wanted);
  }
  /// Of devices that are equally good, those that are closest to each other come first.
  void prefer_close();
  /// How many devices it takes: more than it needs if it wants them and they are idle.
  [[nodiscard]] std::size_t taken() const;

 private:
  [[nodiscard]] bool is_idle(const Device& device) const;
  [[nodiscard]] bool is_eligible(const Device& device) const;
  [[nodiscard]] bool device_fits(const Device& device) const;
  /// Smaller is better: devices in use before idle ones, then the least left over.
  [[nodiscard]] std::pair<bool, Mib> rank_of(std::uint16_t index) const;
  [[nodiscard]] const DeviceUse* use_of(const Device& device) const;
  void find_ram();
  void find_devices();

  const Host& host_;
  const HostUse* use_;
  const Request& request_;
  bool has_accelerators_ = false;
  std::uint16_t eligible_ = 0;
  std::vector<std::uint16_t> fitting_;
  Millicores wanted_cpus_;
  Millicores free_cpus_;
  Mib wanted_ram_;
  Mib free_ram_;
};

}  // namespace cattino::core
