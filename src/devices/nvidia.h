// A probe that looks at the hardware: NVIDIA devices through NVML, else the one device `cpu:0`.
//
// What it is, is decided at the first look and stays: a machine with NVIDIA hardware has accelerators,
// whether its driver answers or not. Devices keep their places in the list: known by PCI address (MIG
// partitions by UUID), never removed. One that the driver does not report any more is `lost`, one of a
// driver that does not answer is `unknown`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "devices/inventory.h"
#include "devices/nvml_library.h"

namespace cattino::devices {

class HardwareProbe : public Probe {
 public:
  struct Options {
    core::Host host;  ///< cores and memory; no devices yet
    std::string nvml_path;
    std::string visible;
    std::string system_root;
  };
  explicit HardwareProbe(Options options) : options_(std::move(options)) {}
  Inventory observe(const Attribution& attribution) override;

 private:
  enum class Decided : std::uint8_t { not_yet, cpu, nvidia };
  /// A device that was seen at least once, or is on the PCI bus.
  struct Known {
    std::string key;      // PCI address, or UUID of a MIG partition; empty: never identified
    unsigned number = 0;  // NVML's index of it or of its parent
    bool seen = false;    // at this look
    core::Device device;
  };
  /// Where a handle comes from.
  struct Place {
    unsigned number = 0;
    int partition = -1;  // of a MIG device
  };

  nvml::Failure look(const Attribution& attribution);
  void look_at(unsigned number, const Attribution& attribution);
  void look_at_device(nvml::Handle handle, Place place, const Attribution& attribution);
  void measure(nvml::Handle handle, core::Device& device, const Attribution& attribution);
  void mark_failed(unsigned number, nvml::Return code);
  void add_from_bus();
  void finish_look();
  Known* find(const std::string& key, unsigned number);
  Known& add(const std::string& key, Place place);
  [[nodiscard]] bool visible(const Place& place, const std::string& uuid) const;
  Inventory inventory(const nvml::Failure& failure) const;

  Options options_;
  Decided decided_ = Decided::not_yet;
  std::unique_ptr<nvml::Library> library_;
  std::vector<Known> known_;
};

}  // namespace cattino::devices
