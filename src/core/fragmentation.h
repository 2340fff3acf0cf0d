// How much of a host's free devices the expected requests could not use: what a placement should keep small.
//
// Two measures are added, each in MiB of device memory times how often a request is expected:
//   stranded   what a request of the kind could not get at all: devices with less free than it asks for, or
//              all of them if the host lacks cores, memory or devices for it (the measure of fragmentation
//              gradient descent: "Beware of Fragmentation", USENIX ATC 2023)
//   unpacked   what would be left if as many requests of the kind as fit were placed: a host that runs out
//              of cores before its devices are full shows it early
#pragma once

#include <cstdint>
#include <vector>

#include "core/device.h"
#include "core/policy.h"
#include "core/task.h"

namespace cattino::core {

/// What is free on a host.
struct Room {
  struct Slot {
    Mib free;
    Mib total;
  };
  Millicores cpus;
  Mib ram;
  std::vector<Slot>
      slots;  ///< its devices, by index; nothing is free on those that are no accelerators
};

class Fragmentation {
 public:
  explicit Fragmentation(const PlacementPolicy& policy) : policy_(policy) {}

  [[nodiscard]] std::int64_t of(const Room& room) const;

 private:
  const PlacementPolicy& policy_;
};

}  // namespace cattino::core
