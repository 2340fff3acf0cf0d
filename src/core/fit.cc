// One host beside one request: see fit.h.
#include "core/fit.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "core/planted.h"
#include "core/topology.h"

namespace cattino::core {
namespace {

constexpr std::int64_t ppm = 1000000;
constexpr std::int64_t one_core = 1000;

}  // namespace

bool asks_whole(const MemoryRequest& memory) {
  return memory.kind == MemoryRequest::Kind::whole || memory.value <= 0;
}

bool is_meant(const Device& device, const std::string& pin) {
  const auto is_digit = [](unsigned char c) {
    return std::isdigit(c) != 0;
  };
  if (std::all_of(pin.begin(), pin.end(), is_digit)) {
    return pin == std::to_string(device.index);  // not the 100 of an A100
  }
  if (pin == device.name || pin == device.uuid) {
    return true;
  }
  const auto same = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  const std::string& model = device.model;
  return std::search(model.begin(), model.end(), pin.begin(), pin.end(), same) != model.end();
}

bool is_meant(const Device& device, const std::vector<std::string>& pins) {
  return pins.empty() || std::any_of(pins.begin(), pins.end(), [&device](const std::string& pin) {
           return is_meant(device, pin);
         });
}

Mib claim_on(const Device& device, const MemoryRequest& memory) {
  if (asks_whole(memory)) {
    return device.kind == DeviceKind::accelerator ? device.total : Mib{};
  }
  if (memory.kind == MemoryRequest::Kind::mib) {
    return {memory.value};
  }
  // Rounded down, so that two halves fit; never nothing.
  return {std::max<std::int64_t>(1, device.total.value * std::min(memory.value, ppm) / ppm)};
}

Fit::Fit(const Host& host, const HostUse* use, const Request& request)
    : host_(host), use_(use), request_(request) {
  for (const Device& device : host_.devices) {
    has_accelerators_ = has_accelerators_ || device.kind == DeviceKind::accelerator;
  }
  wanted_cpus_ = request_.cpus;
  if (wanted_cpus_.value < 0) {
    const bool takes_accelerator = request_.min_devices > 0 && has_accelerators_;
    wanted_cpus_ = {takes_accelerator ? 0 : one_core};
  }
  free_cpus_ = host_.cpus;
  if (use_ != nullptr) {
    free_cpus_.value -= use_->cpus.value;
  }
  find_ram();
  find_devices();
}

void Fit::find_ram() {
  free_ram_ = host_.ram;
  wanted_ram_ = request_.ram;
  if (use_ != nullptr) {
    free_ram_ -= use_->ram;
  }
  for (const Device& device : host_.devices) {
    if (device.kind != DeviceKind::cpu || use_ == nullptr) {
      continue;
    }
    free_ram_ -= device.used_by_others;
    if (const DeviceUse* held = use_of(device); held != nullptr) {
      free_ram_ -= held->claimed;
    }
  }
}

void Fit::find_devices() {
  for (const Device& device : host_.devices) {
    if (!is_eligible(device)) {
      continue;
    }
    ++eligible_;
    if (device_fits(device)) {
      fitting_.push_back(device.index);
    }
  }
  std::sort(fitting_.begin(), fitting_.end(), [this](std::uint16_t a, std::uint16_t b) {
    return std::pair(rank_of(a), a) < std::pair(rank_of(b), b);
  });
  const std::size_t taken = std::min<std::size_t>(request_.min_devices, fitting_.size());
  for (std::size_t i = 0; i < taken; ++i) {
    const Device& device = host_.devices[fitting_[i]];
    if (device.kind == DeviceKind::cpu) {
      wanted_ram_ += claim_on(device, request_.memory);
    }
  }
}

const DeviceUse* Fit::use_of(const Device& device) const {
  if (use_ == nullptr || device.index >= use_->devices.size()) {
    return nullptr;
  }
  return &use_->devices[device.index];
}

Mib Fit::free_of(const Device& device) const {
  if (use_ == nullptr) {
    return device.total;
  }
  Mib free = device.total - device.used_by_others;
  if (const DeviceUse* held = use_of(device); held != nullptr) {
    free = held->whole ? Mib{} : free - held->claimed;
  }
  if (device.kind == DeviceKind::cpu) {
    free = std::min(free, free_ram_);
  }
  return std::max(free, Mib{});
}

bool Fit::is_idle(const Device& device) const {
  const DeviceUse* held = use_of(device);
  return !device.strangers && (held == nullptr || held->holders.empty());
}

bool Fit::is_eligible(const Device& device) const {
  return (device.kind == DeviceKind::accelerator || !has_accelerators_) &&
         is_meant(device, request_.pins);
}

bool Fit::device_fits(const Device& device) const {
  if (use_ != nullptr && device.health != DeviceHealth::ok) {
    return false;
  }
  const bool accelerator = device.kind == DeviceKind::accelerator;
  if (asks_whole(request_.memory)) {
    return !accelerator || use_ == nullptr || is_idle(device);
  }
  const DeviceUse* held = use_of(device);
  if (held != nullptr && held->whole) {
    return false;
  }
  return claim_on(device, request_.memory) <= free_of(device);
}

std::pair<bool, Mib> Fit::rank_of(std::uint16_t index) const {
  const Device& device = host_.devices[index];
  if (asks_whole(request_.memory)) {
    return {false, device.total};
  }
  return {is_idle(device), free_of(device) - claim_on(device, request_.memory)};
}

bool Fit::can_take(std::uint16_t index) const {
  return std::find(fitting_.begin(), fitting_.end(), index) != fitting_.end();
}

void Fit::prefer(std::uint16_t index) {
  const auto at = std::find(fitting_.begin(), fitting_.end(), index);
  std::rotate(fitting_.begin(), at, at + 1);
}

void Fit::prefer_close() {
  if (host_.distances.empty() || request_.min_devices == 0) {
    return;
  }
  const auto last = rank_of(fitting_[request_.min_devices - 1U]);
  const auto is_last = [this, &last](std::uint16_t index) {
    return rank_of(index) == last;
  };
  const auto begin = std::find_if(fitting_.begin(), fitting_.end(), is_last);
  const auto end = std::find_if_not(begin, fitting_.end(), is_last);
  const std::vector<std::uint16_t> certain(fitting_.begin(), begin);
  const std::vector<std::uint16_t> open(begin, end);
  const std::vector<std::uint16_t> ordered =
      closest(host_, certain, open, request_.min_devices - certain.size());
  std::copy(ordered.begin(), ordered.end(), begin);
}

std::size_t Fit::taken() const {
  std::size_t count = request_.min_devices;
  while (count < request_.max_devices && count < fitting_.size() &&
         is_idle(host_.devices[fitting_[count]])) {
    ++count;
  }
  return count;
}

Fit::Cost Fit::cost() const {
  Cost cost;
  const bool whole = asks_whole(request_.memory);
  for (std::size_t i = 0; i < request_.min_devices; ++i) {
    const Device& device = host_.devices[fitting_[i]];
    if (device.kind == DeviceKind::cpu) {
      continue;
    }
    cost.idle_broken += !whole && is_idle(device) ? 1 : 0;
    cost.idle_left -= is_idle(device) ? 1 : 0;
    cost.left_over += whole ? device.total : free_of(device) - claim_on(device, request_.memory);
  }
  for (const Device& device : host_.devices) {
    cost.idle_left += is_eligible(device) && is_idle(device) ? 1 : 0;
  }
  cost.cpus_left = {free_cpus_.value - wanted_cpus_.value};
  return cost;
}

Allocation Fit::allocation(std::size_t count) const {
  Allocation allocation;
  allocation.host = host_.id;
  allocation.cpus = wanted_cpus_;
  allocation.ram = request_.ram;
  allocation.devices.assign(
      fitting_.begin(), fitting_.begin() + static_cast<std::ptrdiff_t>(count));
  std::sort(allocation.devices.begin(), allocation.devices.end());
  if (planted(Fault::partial_gang) && allocation.devices.size() > 1) {
    allocation.devices.pop_back();
  }
  for (const std::uint16_t index : allocation.devices) {
    allocation.mib.push_back(claim_on(host_.devices[index], request_.memory));
  }
  allocation.whole = request_.min_devices > 0 && has_accelerators_ && asks_whole(request_.memory);
  return allocation;
}

}  // namespace cattino::core
