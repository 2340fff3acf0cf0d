// Chooses the probe.
#include <utility>

#include "devices/declared.h"
#include "devices/inventory.h"
#include "devices/machine.h"
#include "devices/nvidia.h"

namespace cattino::devices {

Result<std::unique_ptr<Probe>> make_probe(const Choice& choice) {
  const Machine machine = look_at_machine(choice.system_root);
  core::Host host;
  host.cpus = choice.cpus.value_or(machine.cpus);
  host.ram = choice.ram.value_or(machine.ram);
  if (choice.declared.empty()) {
    HardwareProbe::Options options;
    options.host = std::move(host);
    options.nvml_path = choice.nvml_path.empty() ? "libnvidia-ml.so.1" : choice.nvml_path;
    options.visible = choice.visible;
    options.system_root = choice.system_root;
    return std::unique_ptr<Probe>(std::make_unique<HardwareProbe>(std::move(options)));
  }
  Result<std::vector<core::Device>> devices = parse_declared(choice.declared);
  if (!devices) {
    return devices.error();
  }
  host.devices = std::move(*devices);
  return std::unique_ptr<Probe>(std::make_unique<DeclaredProbe>(std::move(host)));
}

}  // namespace cattino::devices
