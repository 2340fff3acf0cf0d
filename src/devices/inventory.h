// The devices of this machine, and how they are looked at. A probe asks a driver (or a declaration) and
// answers with an inventory; it blocks, so it is called on a thread of its own, one call at a time, and
// never by the deciding thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/amounts.h"
#include "base/result.h"
#include "core/device.h"

namespace cattino::devices {

/// What was seen at one look.
struct Inventory {
  core::Host host;
  std::string error;  ///< the driver's, when nothing could be seen; the devices are then `unknown`
  std::string visibility_variable;  ///< "CUDA_VISIBLE_DEVICES"; empty: nothing to hide
  std::vector<std::pair<std::string, std::string>> extra_environment;  ///< goes with it
  bool sampled = false;  ///< memory is read from a driver: worth looking again while it matters
};

/// One process on one device, as a driver reports it.
struct ProcessUse {
  std::int64_t pid = 0;
  std::uint16_t device = 0;
  Mib used;
  bool draws_only = false;  ///< a desktop: it holds memory and computes nothing
};

/// What the probe must know to tell tasks from strangers. Called within `observe`, on its thread.
struct Attribution {
  /// The attempt (its key) that a process belongs to; 0: none.
  std::function<std::uint64_t(std::int64_t pid)> attempt_of;
  /// What that attempt claims of a device.
  std::function<Mib(std::uint64_t attempt, std::uint16_t device)> claim_of;
};

class Probe {
 public:
  virtual ~Probe() = default;
  /// Looks once; blocks for as long as the driver does. Devices never change their index or vanish
  /// from the list in a probe's life: one that is gone is `lost`.
  virtual Inventory observe(const Attribution& attribution) = 0;
};

/// What the user said about devices.
struct Choice {
  std::string declared;            ///< as for parse_declared; "": look at the hardware
  std::optional<Millicores> cpus;  ///< instead of the machine's
  std::optional<Mib> ram;          ///< instead of the machine's
  std::string nvml_path;           ///< "": libnvidia-ml.so.1
  std::string visible;             ///< a CUDA_VISIBLE_DEVICES to honour; "": all
  std::string system_root;         ///< before /proc and /sys; tests have a tree of their own
};

/// The probe for this machine and these wishes. Opens no driver yet.
Result<std::unique_ptr<Probe>> make_probe(const Choice& choice);

/// "4x24GiB", "2x24GiB,1x80GiB:a100" (count, memory of each, model), "24GiB"; "0" or "none": a machine
/// without accelerators. Names are cuda:0, cuda:1, …
Result<std::vector<core::Device>> parse_declared(std::string_view text);

}  // namespace cattino::devices
