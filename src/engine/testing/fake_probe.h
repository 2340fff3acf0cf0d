// A probe that sees what the test says.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/core.h>

#include "devices/inventory.h"

namespace cattino::engine {

/// `count` accelerators of `mib` each, as CUDA names them, and `cpus` cores.
inline devices::Inventory inventory_of(
    std::uint16_t count, std::int64_t mib, std::int64_t cpus = 64) {
  devices::Inventory inventory;
  inventory.host.cpus.value = cpus * 1000;
  inventory.host.ram.value = 64 * 1024;
  inventory.visibility_variable = "CUDA_VISIBLE_DEVICES";
  inventory.extra_environment = {{"CUDA_DEVICE_ORDER", "PCI_BUS_ID"}};
  for (std::uint16_t i = 0; i < count; ++i) {
    core::Device device;
    device.index = i;
    device.total.value = mib;
    device.name = fmt::format("cuda:{}", i);
    device.visible_id = fmt::format("GPU-{}", i);
    inventory.host.devices.push_back(std::move(device));
  }
  return inventory;
}

/// A machine without accelerators: one shared cpu device.
inline devices::Inventory cpu_inventory() {
  devices::Inventory inventory;
  inventory.host.cpus.value = 64'000;
  inventory.host.ram.value = 64 * 1024;
  core::Device device;
  device.kind = core::DeviceKind::cpu;
  device.total.value = 64 * 1024;
  device.name = "cpu:0";
  inventory.host.devices.push_back(std::move(device));
  return inventory;
}

/// What the probe's thread and the test share.
struct ProbeState {
  explicit ProbeState(devices::Inventory first) : inventory(std::move(first)) {}
  std::mutex mutex;
  devices::Inventory inventory;
  std::atomic<int> looks = 0;

  void set(devices::Inventory next) {
    const std::lock_guard<std::mutex> lock(mutex);
    inventory = std::move(next);
  }
};

class FakeProbe final : public devices::Probe {
 public:
  explicit FakeProbe(std::shared_ptr<ProbeState> state) : state_(std::move(state)) {}
  devices::Inventory observe(const devices::Attribution& attribution) override {
    (void)attribution;
    ++state_->looks;
    const std::lock_guard<std::mutex> lock(state_->mutex);
    return state_->inventory;
  }

 private:
  std::shared_ptr<ProbeState> state_;
};

}  // namespace cattino::engine
