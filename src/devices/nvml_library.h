// NVIDIA's management library, opened at run time. Every call may block in the driver.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/amounts.h"
#include "base/result.h"
#include "devices/nvml_abi.h"

namespace cattino::devices::nvml {

/// An Error with the code that NVML returned; `code` 0 if it was never asked.
struct Failure {
  Return code = 0;
  std::string message;
};

struct MemoryUse {
  Mib total;  ///< that tasks can have: without what the driver reserves
  Mib used;
};

struct RunningProcess {
  std::int64_t pid = 0;
  std::int64_t used_mib = -1;  ///< -1: the driver does not say
  bool draws_only = false;
};

/// The loaded and initialised library; closed with this object. Not thread-safe.
class Library {
 public:
  /// Loads and initialises; on failure fills in `failure` and returns nothing.
  static std::unique_ptr<Library> open(const std::string& path, Failure& failure);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  Library(Library&&) = delete;
  Library& operator=(Library&&) = delete;

  // Each returns NVML's code and fills in its result if that is `success`.
  Return device_count(unsigned& count) const;
  Return device_handle(unsigned index, Handle& device) const;
  Return name(Handle device, std::string& text) const;
  Return uuid(Handle device, std::string& text) const;
  Return pci_address(Handle device, std::string& text) const;  ///< "0000:65:00.0"
  Return memory(Handle device, MemoryUse& use) const;
  Return processes(Handle device, std::vector<RunningProcess>& list) const;
  /// The partitions of a device in MIG mode; `enabled` false if it is not in that mode.
  Return mig_devices(Handle device, bool& enabled, std::vector<Handle>& partitions) const;

  [[nodiscard]] std::string describe(Return code) const;

 private:
  struct Calls;
  Library(void* handle, std::unique_ptr<Calls> calls);

  void* handle_;
  std::unique_ptr<Calls> calls_;
};

}  // namespace cattino::devices::nvml
