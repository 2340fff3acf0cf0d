// A libnvidia-ml.so.1 of the true binary interface, for tests. Its world is a text file named by
// FAKE_NVML_STATE, read again at each call, so that a test changes it live. One directive a line:
//
//   init CODE                     what nvmlInit returns (9: driver not loaded)
//   count_error CODE              what nvmlDeviceGetCount returns
//   gpu key=value…                uuid, name (spaces as _), pci (0000:65:00.0), total, reserved, used (MiB),
//                                 error (code of every call on it), mig=1, no_memory=1 (not supported)
//   mig key=value…                a partition of the last gpu; keys as of gpu
//   process PID TYPE USED_MIB     on the last gpu or mig; TYPE C, G, CG or M (multi-process service);
//                                 USED_MIB -1: not available
//
// Built a second time with FAKE_NVML_OLD it exports only the first version of each call.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

constexpr int success = 0;
constexpr int uninitialized = 1;
constexpr int invalid_argument = 2;
constexpr int not_supported = 3;
constexpr int not_found = 6;
constexpr int insufficient_size = 7;
constexpr std::uint64_t bytes_in_mib = 1024 * 1024;

struct Process {
  unsigned pid = 0;
  std::string type;
  std::int64_t used_mib = 0;
};

struct Gpu {
  std::map<std::string, std::string> values;
  std::vector<Process> processes;
  std::vector<Gpu> partitions;

  std::string text(const std::string& key) const {
    const auto found = values.find(key);
    return found == values.end() ? std::string() : found->second;
  }
  std::int64_t number(const std::string& key) const {
    const std::string value = text(key);
    return value.empty() ? 0 : std::stoll(value);
  }
  std::uint64_t bytes(const std::string& key) const {
    return static_cast<std::uint64_t>(number(key)) * bytes_in_mib;
  }
};

struct World {
  int init = success;
  int count_error = success;
  std::vector<Gpu> gpus;
};

Gpu read_gpu(std::istringstream& line) {
  Gpu gpu;
  std::string word;
  while (line >> word) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos) {
      gpu.values[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  return gpu;
}

World read_world() {
  World world;
  const char* path = std::getenv("FAKE_NVML_STATE");
  std::ifstream file(path != nullptr ? path : "/dev/null");
  std::string text;
  Gpu* last = nullptr;
  while (std::getline(file, text)) {
    std::istringstream line(text);
    std::string word;
    line >> word;
    if (word == "init") {
      line >> world.init;
    } else if (word == "count_error") {
      line >> world.count_error;
    } else if (word == "gpu") {
      world.gpus.push_back(read_gpu(line));
      last = &world.gpus.back();
    } else if (word == "mig" && !world.gpus.empty()) {
      world.gpus.back().partitions.push_back(read_gpu(line));
      last = &world.gpus.back().partitions.back();
    } else if (word == "process" && last != nullptr) {
      Process process;
      line >> process.pid >> process.type >> process.used_mib;
      last->processes.push_back(process);
    }
  }
  return world;
}

int initialised = 0;

// A handle is (gpu + 1) * 256 + (partition + 1), 0 for the gpu itself.
void* handle_of(std::size_t gpu, std::size_t partition) {
  return reinterpret_cast<void*>((gpu + 1) * 256 + partition);
}

/// The device behind a handle, in `gpu`; or an error.
int find(void* handle, Gpu& gpu) {
  if (initialised == 0) {
    return uninitialized;
  }
  const auto number = reinterpret_cast<std::uintptr_t>(handle);
  const World world = read_world();
  const std::size_t index = number / 256 - 1;
  const std::size_t partition = number % 256;
  if (number < 256 || index >= world.gpus.size()) {
    return invalid_argument;
  }
  const Gpu& parent = world.gpus[index];
  if (const auto error = static_cast<int>(parent.number("error")); error != success) {
    return error;
  }
  if (partition > parent.partitions.size()) {
    return invalid_argument;
  }
  gpu = partition == 0 ? parent : parent.partitions[partition - 1];
  return static_cast<int>(gpu.number("error"));
}

int copy_text(const std::string& text, char* to, unsigned size) {
  if (text.size() + 1 > size) {
    return insufficient_size;
  }
  std::memcpy(to, text.c_str(), text.size() + 1);
  return success;
}

struct ProcessV1 {
  unsigned pid;
  std::uint64_t used;
};
struct ProcessV2 {
  unsigned pid;
  std::uint64_t used;
  unsigned gpu_instance;
  unsigned compute_instance;
};
static_assert(sizeof(ProcessV1) == 16 && sizeof(ProcessV2) == 24);

template <class Entry>
int list(void* handle, const char* type, unsigned* count, Entry* entries) {
  Gpu gpu;
  if (const int code = find(handle, gpu); code != success) {
    return code;
  }
  std::vector<Process> found;
  for (const Process& process : gpu.processes) {
    if (process.type.find(type) != std::string::npos) {
      found.push_back(process);
    }
  }
  const unsigned room = *count;
  *count = static_cast<unsigned>(found.size());
  if (found.size() > room) {
    return insufficient_size;
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    entries[i] = {};
    entries[i].pid = found[i].pid;
    entries[i].used = found[i].used_mib < 0
                          ? ~0ULL
                          : static_cast<std::uint64_t>(found[i].used_mib) * bytes_in_mib;
  }
  return success;
}

struct PciInfo {
  char legacy[16];
  unsigned domain;
  unsigned bus;
  unsigned device;
  unsigned device_id;
  unsigned subsystem_id;
  char bus_id[32];
};
static_assert(sizeof(PciInfo) == 68);

struct Memory {
  std::uint64_t total;
  std::uint64_t free;
  std::uint64_t used;
};
struct MemoryV2 {
  unsigned version;
  std::uint64_t total;
  std::uint64_t reserved;
  std::uint64_t free;
  std::uint64_t used;
};
static_assert(sizeof(MemoryV2) == 40);

int init() {
  const int code = read_world().init;
  initialised += code == success ? 1 : 0;
  return code;
}

int count(unsigned* number) {
  if (initialised == 0) {
    return uninitialized;
  }
  const World world = read_world();
  *number = static_cast<unsigned>(world.gpus.size());
  return world.count_error;
}

int handle_by_index(unsigned index, void** handle) {
  if (index >= read_world().gpus.size()) {
    return invalid_argument;
  }
  Gpu gpu;
  *handle = handle_of(index, 0);
  return find(*handle, gpu);
}

int pci_info(void* handle, PciInfo* info) {
  Gpu gpu;
  if (const int code = find(handle, gpu); code != success) {
    return code;
  }
  *info = {};
  std::sscanf(gpu.text("pci").c_str(), "%x:%x:%x", &info->domain, &info->bus, &info->device);
  return success;
}

}  // namespace

EXPORT const char* nvmlErrorString(int code) {
  switch (code) {
    case success:
      return "Success";
    case not_supported:
      return "Not Supported";
    case 9:
      return "Driver Not Loaded";
    case 15:
      return "GPU is lost";
    case 18:
      return "Driver/library version mismatch";
    default:
      return "Unknown Error";
  }
}

EXPORT int nvmlShutdown() {
  initialised -= initialised > 0 ? 1 : 0;
  return success;
}

EXPORT int nvmlDeviceGetName(void* handle, char* text, unsigned size) {
  Gpu gpu;
  if (const int code = find(handle, gpu); code != success) {
    return code;
  }
  std::string name = gpu.text("name");
  for (char& c : name) {
    c = c == '_' ? ' ' : c;
  }
  return copy_text(name, text, size);
}

EXPORT int nvmlDeviceGetUUID(void* handle, char* text, unsigned size) {
  Gpu gpu;
  const int code = find(handle, gpu);
  return code != success ? code : copy_text(gpu.text("uuid"), text, size);
}

EXPORT int nvmlDeviceGetMemoryInfo(void* handle, Memory* memory) {
  Gpu gpu;
  if (const int code = find(handle, gpu); code != success) {
    return code;
  }
  if (gpu.number("no_memory") != 0) {
    return not_supported;
  }
  const std::uint64_t used = gpu.bytes("used") + gpu.bytes("reserved");
  *memory = {gpu.bytes("total"), gpu.bytes("total") - used, used};
  return success;
}

#ifdef FAKE_NVML_OLD

EXPORT int nvmlInit() {
  return init();
}

EXPORT int nvmlDeviceGetCount(unsigned* number) {
  return count(number);
}

EXPORT int nvmlDeviceGetHandleByIndex(unsigned index, void** handle) {
  return handle_by_index(index, handle);
}

EXPORT int nvmlDeviceGetPciInfo(void* handle, PciInfo* info) {
  return pci_info(handle, info);
}

EXPORT int nvmlDeviceGetComputeRunningProcesses(
    void* handle, unsigned* number, ProcessV1* list_v1) {
  return list(handle, "C", number, list_v1);
}

EXPORT int nvmlDeviceGetGraphicsRunningProcesses(
    void* handle, unsigned* number, ProcessV1* list_v1) {
  return list(handle, "G", number, list_v1);
}

#else

EXPORT int nvmlInit_v2() {
  return init();
}

EXPORT int nvmlDeviceGetCount_v2(unsigned* number) {
  return count(number);
}

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** handle) {
  return handle_by_index(index, handle);
}

EXPORT int nvmlDeviceGetPciInfo_v3(void* handle, PciInfo* info) {
  return pci_info(handle, info);
}

EXPORT int nvmlDeviceGetMemoryInfo_v2(void* handle, MemoryV2* memory) {
  Gpu gpu;
  if (const int code = find(handle, gpu); code != success) {
    return code;
  }
  if (gpu.number("no_memory") != 0) {
    return not_supported;
  }
  if (memory->version != (sizeof(MemoryV2) | 2U << 24U)) {
    return 25;  // argument version mismatch
  }
  const std::uint64_t total = gpu.bytes("total");
  const std::uint64_t used = gpu.bytes("used");
  const std::uint64_t reserved = gpu.bytes("reserved");
  *memory = {memory->version, total, reserved, total - used - reserved, used};
  return success;
}

EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(
    void* handle, unsigned* number, ProcessV2* entries) {
  return list(handle, "C", number, entries);
}

EXPORT int nvmlDeviceGetGraphicsRunningProcesses_v3(
    void* handle, unsigned* number, ProcessV2* entries) {
  return list(handle, "G", number, entries);
}

EXPORT int nvmlDeviceGetMPSComputeRunningProcesses_v3(
    void* handle, unsigned* number, ProcessV2* entries) {
  return list(handle, "M", number, entries);
}

EXPORT int nvmlDeviceGetMigMode(void* handle, unsigned* current, unsigned* pending) {
  Gpu gpu;
  if (const int code = find(handle, gpu); code != success) {
    return code;
  }
  *current = *pending = gpu.number("mig") != 0 ? 1 : 0;
  return gpu.text("mig").empty() ? not_supported : success;
}

EXPORT int nvmlDeviceGetMaxMigDeviceCount(void* handle, unsigned* number) {
  *number = 7;
  Gpu gpu;
  return find(handle, gpu);
}

EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(void* handle, unsigned index, void** partition) {
  Gpu gpu;
  if (const int code = find(handle, gpu); code != success) {
    return code;
  }
  if (index >= gpu.partitions.size()) {
    return not_found;
  }
  *partition = handle_of(reinterpret_cast<std::uintptr_t>(handle) / 256 - 1, index + 1);
  return success;
}

#endif
