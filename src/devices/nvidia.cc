// One look: enumerate, match with what is known, measure.
#include "devices/nvidia.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/text.h"
#include "devices/accounting.h"
#include "devices/declared.h"
#include "devices/machine.h"

namespace cattino::devices {

namespace {

std::string name_of(unsigned number, int partition) {
  return partition < 0 ? fmt::format("cuda:{}", number)
                       : fmt::format("cuda:{}:{}", number, partition);
}

core::DeviceHealth health_of(nvml::Return failure) {
  return failure == nvml::gpu_is_lost || failure == nvml::reset_required
             ? core::DeviceHealth::lost
             : core::DeviceHealth::unknown;
}

}  // namespace

Inventory HardwareProbe::observe(const Attribution& attribution) {
  if (decided_ == Decided::cpu) {
    return cpu_inventory(options_.host);
  }
  for (Known& known : known_) {
    known.seen = false;
  }
  const nvml::Failure failure = look(attribution);
  if (failure.message.empty()) {
    finish_look();
  } else {
    library_.reset();  // a driver that was replaced needs its own library: open it anew next time
    add_from_bus();
    for (Known& known : known_) {
      known.device.health = core::DeviceHealth::unknown;
      known.device.note = failure.message;
    }
  }
  if (decided_ == Decided::not_yet) {
    decided_ = known_.empty() ? Decided::cpu : Decided::nvidia;
  }
  return decided_ == Decided::cpu ? cpu_inventory(options_.host) : inventory(failure);
}

/// Asks the driver for everything. A message in the answer means that it could not be asked.
nvml::Failure HardwareProbe::look(const Attribution& attribution) {
  nvml::Failure failure;
  if (!library_) {
    library_ = nvml::Library::open(options_.nvml_path, failure);
    if (!library_) {
      return failure;
    }
  }
  unsigned count = 0;
  if (const nvml::Return code = library_->device_count(count); code != nvml::success) {
    return {code, library_->describe(code)};
  }
  if (count == 0 && !nvidia_hardware(options_.system_root).empty()) {
    return {0, "the driver reports no device, though there is one on the PCI bus"};
  }
  for (unsigned number = 0; number < count; ++number) {
    look_at(number, attribution);
  }
  return failure;
}

void HardwareProbe::look_at(unsigned number, const Attribution& attribution) {
  nvml::Handle handle = nullptr;
  bool partitioned = false;
  std::vector<nvml::Handle> partitions;
  nvml::Return code = library_->device_handle(number, handle);
  if (code == nvml::success) {
    code = library_->mig_devices(handle, partitioned, partitions);
  }
  if (code != nvml::success) {
    mark_failed(number, code);
    return;
  }
  if (!partitioned) {
    look_at_device(handle, {number, -1}, attribution);
    return;
  }
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    look_at_device(partitions[i], {number, static_cast<int>(i)}, attribution);
  }
}

void HardwareProbe::look_at_device(
    nvml::Handle handle, Place place, const Attribution& attribution) {
  std::string uuid;
  if (const nvml::Return code = library_->uuid(handle, uuid); code != nvml::success) {
    mark_failed(place.number, code);
    return;
  }
  if (!visible(place, uuid)) {
    return;
  }
  std::string key = uuid;
  if (place.partition < 0) {
    library_->pci_address(handle, key);
  }
  Known* known = find(key, place.number);
  if (known == nullptr) {
    known = &add(key, place);
  }
  known->key = key;
  known->number = place.number;
  known->seen = true;
  core::Device& device = known->device;
  device.uuid = uuid;
  device.visible_id = place.partition < 0 ? fmt::format("{}", place.number) : uuid;
  library_->name(handle, device.model);
  measure(handle, device, attribution);
}

void HardwareProbe::measure(
    nvml::Handle handle, core::Device& device, const Attribution& attribution) {
  nvml::MemoryUse memory;
  nvml::Return code = library_->memory(handle, memory);
  if (code == nvml::not_supported || (code == nvml::success && memory.total == Mib{0})) {
    // Memory shared with the host.
    memory.total = options_.host.ram;
    memory.used = std::max(options_.host.ram - available_ram(options_.system_root), Mib{0});
    code = nvml::success;
  }
  std::vector<nvml::RunningProcess> running;
  if (code == nvml::success) {
    const nvml::Return listed = library_->processes(handle, running);
    code = listed == nvml::gpu_is_lost ? listed : code;
  }
  if (code != nvml::success) {
    device.health = health_of(code);
    device.note = library_->describe(code);
    return;
  }
  std::vector<ProcessUse> processes;
  processes.reserve(running.size());
  for (const nvml::RunningProcess& process : running) {
    processes.push_back({process.pid, device.index, Mib{process.used_mib}, process.draws_only});
  }
  device.health = core::DeviceHealth::ok;
  device.total = memory.total;
  account(device, {memory.used, processes}, attribution, options_.system_root);
}

/// A device that the driver counts but cannot tell about; with it, its partitions.
void HardwareProbe::mark_failed(unsigned number, nvml::Return code) {
  if (find("", number) == nullptr && visible({number, -1}, "")) {
    add("", {number, -1});
  }
  for (Known& known : known_) {
    if (known.number == number) {
      known.seen = true;
      known.device.health = health_of(code);
      known.device.note = library_->describe(code);
    }
  }
}

/// With a driver that never answered, the PCI bus at least tells how many devices there are.
void HardwareProbe::add_from_bus() {
  if (!known_.empty()) {
    return;
  }
  unsigned number = 0;
  for (const std::string& address : nvidia_hardware(options_.system_root)) {
    if (visible({number, -1}, "")) {
      add(address, {number, -1});
    }
    ++number;
  }
  if (number == 0 && nvidia_driver_loaded(options_.system_root)) {
    add("", {0, -1});
  }
}

void HardwareProbe::finish_look() {
  bool renumbered = false;
  for (Known& known : known_) {
    if (!known.seen) {
      known.device.health = core::DeviceHealth::lost;
      known.device.note = "the driver does not report it any more";
    }
    renumbered = renumbered || known.device.health == core::DeviceHealth::lost;
  }
  // CUDA counts only the devices it can use: past a lost one, indices may mean another device.
  for (Known& known : known_) {
    if (renumbered && !known.device.uuid.empty()) {
      known.device.visible_id = known.device.uuid;
    }
  }
}

/// By key; else the device that was never identified and has this number. With no key: by number.
HardwareProbe::Known* HardwareProbe::find(const std::string& key, unsigned number) {
  for (Known& known : known_) {
    if (!key.empty() && known.key == key) {
      return &known;
    }
  }
  for (Known& known : known_) {
    if (known.number == number && (key.empty() || known.key.empty())) {
      return &known;
    }
  }
  return nullptr;
}

HardwareProbe::Known& HardwareProbe::add(const std::string& key, Place place) {
  Known known;
  known.key = key;
  known.number = place.number;
  known.seen = true;
  known.device.index = static_cast<std::uint16_t>(known_.size());
  known.device.name = name_of(place.number, place.partition);
  known.device.visible_id = fmt::format("{}", place.number);
  known_.push_back(std::move(known));
  return known_.back();
}

/// Whether CUDA_VISIBLE_DEVICES, if it is to be honoured, has this device: by index, or by a UUID or
/// the beginning of one. A device that cannot say its UUID is taken to be meant by any.
bool HardwareProbe::visible(const Place& place, const std::string& uuid) const {
  if (options_.visible.empty()) {
    return true;
  }
  const std::string number = fmt::format("{}", place.number);
  const std::vector<std::string_view> items = split(options_.visible, ',');
  return std::any_of(items.begin(), items.end(), [&](std::string_view item) {
    const bool by_uuid = item.find('-') != std::string_view::npos && item != "-1";
    return item == number || (by_uuid && (uuid.empty() || uuid.starts_with(item)));
  });
}

Inventory HardwareProbe::inventory(const nvml::Failure& failure) const {
  Inventory result;
  result.host = options_.host;
  for (const Known& known : known_) {
    result.host.devices.push_back(known.device);
  }
  result.visibility_variable = "CUDA_VISIBLE_DEVICES";
  result.extra_environment = {{"CUDA_DEVICE_ORDER", "PCI_BUS_ID"}};
  result.sampled = true;
  if (!failure.message.empty()) {
    result.error = fmt::format(
        "the NVIDIA driver does not answer: {}; repair it, or declare devices (devices = \"none\" "
        "for none)",
        failure.message);
  }
  return result;
}

}  // namespace cattino::devices
