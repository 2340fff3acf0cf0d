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

Enforcer::Held Enforcer::hold(
    Hierarchy& hierarchy, const Bound& bound, const Place& place, Enforced& enforced) {
  if (place.slot != nullptr && place.pool.hands_down(hierarchy.controller) &&
      bound.limit(place.slot->group.path(), CgroupVersion::two, bound.amount)) {
    return {Enforced::Kept::in_slot, place.slot->group.path()};
  }
  std::string directory = make(hierarchy, place.key, enforced);
  if (directory.empty() || !bound.limit(directory, CgroupVersion::one, bound.amount)) {
    return {};
  }
  return {Enforced::Kept::apart, std::move(directory)};
}

std::unique_ptr<Enforced> Enforcer::begin(
    std::uint64_t key, const Bounds& bounds, CgroupPool& pool, const CgroupSlot* slot) {
  auto enforced = std::make_unique<Enforced>();
  const Place place{key, pool, slot};
  if (bounds.memory != 0) {
    const Bound bound{sys::limit_memory, bounds.memory};
    Held held = hold(hierarchies_[memory], bound, place, *enforced);
    enforced->ram = held.kept;
    enforced->memory = std::move(held.directory);
    enforced->memory_version =
        held.kept == Enforced::Kept::apart ? CgroupVersion::one : CgroupVersion::two;
  }
  if (bounds.millicores != 0) {
    const Bound bound{sys::limit_cpu, bounds.millicores};
    enforced->cpus = hold(hierarchies_[cpu], bound, place, *enforced).kept;
  }
  return enforced;
}

void Enforcer::begun(Enforced& enforced, bool in_slot, bool through_doors) {
  enforced.doors.clear();
  for (Enforced::Kept* const kept : {&enforced.ram, &enforced.cpus}) {
    const bool is_out = (*kept == Enforced::Kept::in_slot && !in_slot) ||
                        (*kept == Enforced::Kept::apart && !through_doors);
    *kept = is_out ? Enforced::Kept::not_at_all : *kept;
  }
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
