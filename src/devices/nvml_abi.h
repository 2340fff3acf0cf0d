// The part of NVML's binary interface that we use, written from its documentation: NVIDIA's header is not
// needed to build. Sizes are checked; names follow the original's meaning, not its spelling.
#pragma once

#include <cstdint>

namespace cattino::devices::nvml {

using Return = int;  // an enum in C; values unknown to us are possible
using Handle = void*;

constexpr Return success = 0;
constexpr Return not_supported = 3;
constexpr Return insufficient_size = 7;
constexpr Return driver_not_loaded = 9;
constexpr Return gpu_is_lost = 15;
constexpr Return reset_required = 16;
constexpr Return version_mismatch = 18;

/// Only the first fields are read; all versions of the call agree on them.
struct PciInfo {
  char bus_id_legacy[16];
  unsigned domain;
  unsigned bus;
  unsigned device;
  unsigned pci_device_id;
  unsigned pci_subsystem_id;
  char bus_id[32];
};
static_assert(sizeof(PciInfo) == 68);

/// `used` includes what the driver reserves.
struct Memory {
  std::uint64_t total;
  std::uint64_t free;
  std::uint64_t used;
};
static_assert(sizeof(Memory) == 24);

struct MemoryV2 {
  unsigned version;
  std::uint64_t total;
  std::uint64_t reserved;
  std::uint64_t free;
  std::uint64_t used;
};
static_assert(sizeof(MemoryV2) == 40);
constexpr unsigned memory_v2_version = sizeof(MemoryV2) | 2U << 24U;

struct ProcessV1 {
  unsigned pid;
  std::uint64_t used_memory;
};
static_assert(sizeof(ProcessV1) == 16);

/// Of the calls `_v2` and `_v3`.
struct Process {
  unsigned pid;
  std::uint64_t used_memory;
  unsigned gpu_instance_id;
  unsigned compute_instance_id;
};
static_assert(sizeof(Process) == 24);
constexpr std::uint64_t not_available = ~0ULL;

constexpr unsigned name_size = 96;
constexpr unsigned uuid_size = 96;
constexpr unsigned mig_enabled = 1;

}  // namespace cattino::devices::nvml
