// A probe for devices that the user declared: no hardware is looked at.
#pragma once

#include <vector>

#include "core/device.h"
#include "devices/inventory.h"

namespace cattino::devices {

class DeclaredProbe : public Probe {
 public:
  explicit DeclaredProbe(core::Host host) : host_(std::move(host)) {}
  Inventory observe(const Attribution& attribution) override;

 private:
  core::Host host_;
};

/// A machine without accelerators: one `cpu:0` whose memory is the host's.
Inventory cpu_inventory(core::Host host);

}  // namespace cattino::devices
