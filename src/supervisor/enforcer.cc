// Finding a controller that works, and giving each attempt its limits.
#include "supervisor/enforcer.h"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/cgroup.h"

namespace cattino::supervisor {
namespace {

using sys::CgroupVersion;

std::string directory_for(const std::string& place, std::uint64_t key) {
  return fmt::format("{}/{}", place, key);
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace

const std::string& Enforcer::place_of(Hierarchy& hierarchy) const {
  if (!std::exchange(hierarchy.known, true) && use_ != CgroupUse::off) {
    const std::string own = sys::own_cgroup(hierarchy.controller);
    hierarchy.path = own.empty() ? own : pool_path(own, space_);
  }
  return hierarchy.path;
}

std::string Enforcer::make(Hierarchy& hierarchy, std::uint64_t key, Enforced& enforced) {
  const std::string& place = place_of(hierarchy);
  if (place.empty() || (::mkdir(place.c_str(), 0755) != 0 && errno != EEXIST)) {
    return {};
  }
  std::string directory = directory_for(place, key);
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    return {};
  }
  enforced.own.push_back(directory);
  sys::Fd door{::open((directory + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC)};
  if (!door) {
    return {};
  }
  enforced.doors.push_back(std::move(door));
  return directory;
}

std::unique_ptr<Enforced> Enforcer::begin(
    std::uint64_t key, const Bounds& bounds, CgroupPool& pool, const CgroupSlot* slot) {
  auto enforced = std::make_unique<Enforced>();
  const auto hold = [&](Hierarchy& hierarchy, auto limit, std::uint64_t amount) {
    if (slot != nullptr && pool.hands_down(hierarchy.controller) &&
        limit(slot->group.path(), CgroupVersion::two, amount)) {
      return std::pair{slot->group.path(), CgroupVersion::two};
    }
    std::string directory = make(hierarchy, key, *enforced);
    const bool limited = !directory.empty() && limit(directory, CgroupVersion::one, amount);
    return std::pair{limited ? std::move(directory) : std::string{}, CgroupVersion::one};
  };
  if (bounds.memory != 0) {
    std::tie(enforced->memory, enforced->memory_version) =
        hold(hierarchies_[memory], sys::limit_memory, bounds.memory);
    enforced->memory_is_free = enforced->memory.empty();
  }
  if (bounds.millicores != 0) {
    enforced->cpus_are_free =
        hold(hierarchies_[cpu], sys::limit_cpu, bounds.millicores).first.empty();
  }
  return enforced;
}

void Enforcer::begun(Enforced& enforced, bool in_slot, bool through_doors) {
  const bool in_all = in_slot && (through_doors || enforced.doors.empty());
  enforced.doors.clear();
  enforced.memory_is_free = enforced.memory_is_free || !in_all;
  enforced.cpus_are_free = enforced.cpus_are_free || !in_all;
}

std::unique_ptr<Enforced> Enforcer::inherited(std::uint64_t key, const CgroupSlot* slot) {
  auto enforced = std::make_unique<Enforced>();
  for (Hierarchy& hierarchy : hierarchies_) {
    std::string directory = directory_for(place_of(hierarchy), key);
    if (!hierarchy.path.empty() && exists(directory)) {
      enforced->own.push_back(std::move(directory));
    }
  }
  const std::string limited = directory_for(hierarchies_[memory].path, key);
  if (!enforced->own.empty() && enforced->own.front() == limited) {
    enforced->memory = limited;
    enforced->memory_version = CgroupVersion::one;
  } else if (slot != nullptr && sys::has_memory_limit(slot->group.path())) {
    enforced->memory = slot->group.path();
  }
  return enforced->memory.empty() && enforced->own.empty() ? nullptr : std::move(enforced);
}

bool Enforcer::out_of_memory(const Enforced& enforced) {
  return !enforced.memory.empty() && sys::oom_kills(enforced.memory, enforced.memory_version) > 0;
}

void Enforcer::end(std::unique_ptr<Enforced> enforced) {
  left_.insert(left_.end(), enforced->own.begin(), enforced->own.end());
  std::erase_if(left_, [](const std::string& directory) {
    return ::rmdir(directory.c_str()) == 0 || errno == ENOENT;
  });
}

void Enforcer::tidy() {
  for (Hierarchy& hierarchy : hierarchies_) {
    const std::string& place = place_of(hierarchy);
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{place, error}) {
      ::rmdir(entry.path().c_str());  // those in use stay, and what is a file of the kernel's
    }
  }
}

void Enforcer::leave() {
  tidy();
  for (const Hierarchy& hierarchy : hierarchies_) {
    if (!hierarchy.path.empty()) {
      ::rmdir(hierarchy.path.c_str());
    }
  }
}

}  // namespace cattino::supervisor
