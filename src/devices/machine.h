// What the machine itself has: cores and memory, less what its cgroup withholds; NVIDIA hardware on its
// PCI bus, with or without a driver that works.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/amounts.h"

namespace cattino::devices {

struct Machine {
  Millicores cpus;
  Mib ram;
};

/// `root` comes before /proc and /sys; "" is the real machine. Limits are those of cgroup v2.
Machine look_at_machine(const std::string& root);

/// Host memory that could be had without swapping.
Mib available_ram(const std::string& root);

/// PCI addresses ("0000:65:00.0", in order) of NVIDIA display and 3D controllers that NVIDIA's own driver
/// serves or should serve: those handed to a virtual machine or to nouveau are left out.
std::vector<std::string> nvidia_hardware(const std::string& root);

/// Whether NVIDIA's kernel driver is loaded, so that a library that fails is broken, not absent.
bool nvidia_driver_loaded(const std::string& root);

/// The command name of a process ("python") and whether it is ours; empty if it cannot be seen.
struct ProcessOwner {
  std::string command;
  bool ours = false;
};
ProcessOwner owner_of(const std::string& root, std::int64_t pid);

}  // namespace cattino::devices
