// Finds each call under its newest name that this library has.
#include "devices/nvml_library.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include <dlfcn.h>
#include <fmt/core.h>

namespace cattino::devices::nvml {

namespace {

constexpr std::int64_t bytes_in_mib = 1024 * 1024;

Mib mib_of(std::uint64_t bytes) {
  return {static_cast<std::int64_t>(bytes / bytes_in_mib)};
}

/// Points `call` at the first of `names` that the library exports; which one, or -1.
template <class Call>
int bind(void* library, Call& call, std::initializer_list<const char*> names) {
  int position = 0;
  for (const char* name : names) {
    call = reinterpret_cast<Call>(dlsym(library, name));
    if (call != nullptr) {
      return position;
    }
    ++position;
  }
  return -1;
}

std::string last_dl_error() {
  const char* text = dlerror();  // NOLINT(concurrency-mt-unsafe): each thread has its own in glibc
  return text != nullptr ? text : "unknown error";
}

using TextCall = Return (*)(Handle, char*, unsigned);

Return read_text(TextCall call, Handle device, unsigned size, std::string& text) {
  if (call == nullptr) {
    return not_supported;
  }
  std::string buffer(size, '\0');
  const Return code = call(device, buffer.data(), size);
  if (code == success) {
    text.assign(buffer, 0, buffer.find('\0'));
  }
  return code;
}

/// One of the three lists of processes, whose entries grew in later versions.
struct ProcessCall {
  Return (*call)(Handle, unsigned*, void*) = nullptr;
  bool small_entries = false;

  void find(void* library, const std::string& name) {
    const std::string v3 = name + "_v3";
    const std::string v2 = name + "_v2";
    small_entries = bind(library, call, {v3.c_str(), v2.c_str(), name.c_str()}) == 2;
  }

  Return list(Handle device, std::vector<RunningProcess>& found) const {
    if (call == nullptr) {
      return not_supported;
    }
    return small_entries ? list_as<ProcessV1>(device, found) : list_as<Process>(device, found);
  }

 private:
  /// The list may grow between two calls: asks again with more room, a few times.
  template <class Entry>
  Return list_as(Handle device, std::vector<RunningProcess>& found) const {
    std::vector<Entry> entries(64);
    Return code = insufficient_size;
    for (int tries = 0; tries < 8 && code == insufficient_size; ++tries) {
      auto count = static_cast<unsigned>(entries.size());
      code = call(device, &count, entries.data());
      entries.resize(code == insufficient_size ? count * 2UL + 5 : count);
    }
    if (code != success) {
      return code;
    }
    for (const Entry& entry : entries) {
      const bool known = entry.used_memory != not_available;
      found.push_back({entry.pid, known ? mib_of(entry.used_memory).value : -1, false});
    }
    return success;
  }
};

}  // namespace

struct Library::Calls {
  Return (*init)() = nullptr;
  Return (*shutdown)() = nullptr;
  const char* (*error_string)(Return) = nullptr;
  Return (*count)(unsigned*) = nullptr;
  Return (*handle)(unsigned, Handle*) = nullptr;
  TextCall name = nullptr;
  TextCall uuid = nullptr;
  Return (*pci)(Handle, PciInfo*) = nullptr;
  Return (*memory)(Handle, Memory*) = nullptr;
  Return (*memory_v2)(Handle, MemoryV2*) = nullptr;
  ProcessCall compute;
  ProcessCall shared_compute;  // clients of the multi-process service
  ProcessCall graphics;
  Return (*mig_mode)(Handle, unsigned*, unsigned*) = nullptr;
  Return (*mig_count)(Handle, unsigned*) = nullptr;
  Return (*mig_handle)(Handle, unsigned, Handle*) = nullptr;

  void find(void* library) {
    bind(library, init, {"nvmlInit_v2", "nvmlInit"});
    bind(library, shutdown, {"nvmlShutdown"});
    bind(library, error_string, {"nvmlErrorString"});
    bind(library, count, {"nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"});
    bind(library, handle, {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"});
    bind(library, name, {"nvmlDeviceGetName"});
    bind(library, uuid, {"nvmlDeviceGetUUID"});
    bind(
        library,
        pci,
        {"nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo"});
    bind(library, memory, {"nvmlDeviceGetMemoryInfo"});
    bind(library, memory_v2, {"nvmlDeviceGetMemoryInfo_v2"});
    compute.find(library, "nvmlDeviceGetComputeRunningProcesses");
    shared_compute.find(library, "nvmlDeviceGetMPSComputeRunningProcesses");
    graphics.find(library, "nvmlDeviceGetGraphicsRunningProcesses");
    bind(library, mig_mode, {"nvmlDeviceGetMigMode"});
    bind(library, mig_count, {"nvmlDeviceGetMaxMigDeviceCount"});
    bind(library, mig_handle, {"nvmlDeviceGetMigDeviceHandleByIndex"});
  }

  [[nodiscard]] bool complete() const {
    return init != nullptr && shutdown != nullptr && count != nullptr && handle != nullptr &&
           memory != nullptr;
  }
};

Library::Library(void* handle, std::unique_ptr<Calls> calls)
    : handle_(handle), calls_(std::move(calls)) {}

Library::~Library() {
  calls_->shutdown();
  dlclose(handle_);
}

std::unique_ptr<Library> Library::open(const std::string& path, Failure& failure) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    failure = {0, last_dl_error()};
    return nullptr;
  }
  auto calls = std::make_unique<Calls>();
  calls->find(handle);
  if (!calls->complete()) {
    failure = {0, fmt::format("{} is not NVIDIA's management library", path)};
    dlclose(handle);
    return nullptr;
  }
  if (const Return code = calls->init(); code != success) {
    const char* text = calls->error_string != nullptr ? calls->error_string(code) : nullptr;
    failure = {code, text != nullptr ? text : fmt::format("NVML error {}", code)};
    dlclose(handle);
    return nullptr;
  }
  return std::unique_ptr<Library>(new Library(handle, std::move(calls)));
}

Return Library::device_count(unsigned& count) const {
  return calls_->count(&count);
}

Return Library::device_handle(unsigned index, Handle& device) const {
  return calls_->handle(index, &device);
}

Return Library::name(Handle device, std::string& text) const {
  return read_text(calls_->name, device, name_size, text);
}

Return Library::uuid(Handle device, std::string& text) const {
  return read_text(calls_->uuid, device, uuid_size, text);
}

Return Library::pci_address(Handle device, std::string& text) const {
  if (calls_->pci == nullptr) {
    return not_supported;
  }
  PciInfo info = {};
  const Return code = calls_->pci(device, &info);
  if (code == success) {
    text = fmt::format("{:04x}:{:02x}:{:02x}.0", info.domain, info.bus, info.device);
  }
  return code;
}

Return Library::memory(Handle device, MemoryUse& use) const {
  if (calls_->memory_v2 != nullptr) {
    MemoryV2 memory = {};
    memory.version = memory_v2_version;
    if (calls_->memory_v2(device, &memory) == success) {
      use = {mib_of(memory.total - std::min(memory.total, memory.reserved)), mib_of(memory.used)};
      return success;
    }
  }
  Memory memory = {};
  const Return code = calls_->memory(device, &memory);
  if (code == success) {
    use = {mib_of(memory.total), mib_of(memory.used)};
  }
  return code;
}

Return Library::processes(Handle device, std::vector<RunningProcess>& list) const {
  std::vector<RunningProcess> drawing;
  const Return code = calls_->compute.list(device, list);
  calls_->shared_compute.list(device, list);
  calls_->graphics.list(device, drawing);
  for (RunningProcess& process : drawing) {
    const auto same = std::find_if(list.begin(), list.end(), [&](const RunningProcess& other) {
      return other.pid == process.pid;
    });
    if (same == list.end()) {
      process.draws_only = true;
      list.push_back(process);
    }
  }
  return code;
}

Return Library::mig_devices(Handle device, bool& enabled, std::vector<Handle>& partitions) const {
  enabled = false;
  if (calls_->mig_mode == nullptr || calls_->mig_count == nullptr ||
      calls_->mig_handle == nullptr) {
    return success;
  }
  unsigned current = 0;
  unsigned pending = 0;
  const Return code = calls_->mig_mode(device, &current, &pending);
  if (code != success || current != mig_enabled) {
    return code == not_supported ? success : code;
  }
  enabled = true;
  unsigned most = 0;
  calls_->mig_count(device, &most);
  for (unsigned i = 0; i < most; ++i) {
    Handle partition = nullptr;
    if (calls_->mig_handle(device, i, &partition) == success) {
      partitions.push_back(partition);
    }
  }
  return success;
}

std::string Library::describe(Return code) const {
  const char* text = calls_->error_string != nullptr ? calls_->error_string(code) : nullptr;
  return text != nullptr ? text : fmt::format("NVML error {}", code);
}

}  // namespace cattino::devices::nvml
