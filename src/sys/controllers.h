// The controllers of cgroups, which hold a process tree to an amount of memory and of cores. In version 1 each
// has a hierarchy of its own. In version 2 their files are in the tree's cgroup, if the one above hands them
// down; one that does so has no processes of its own.
#pragma once

#include <cstdint>
#include <string>

namespace cattino::sys {

enum class CgroupVersion : std::uint8_t { one = 1, two = 2 };

// Each is false, with an errno, if it is not to be done.

/// All in the cgroup at `directory` have this much together, and no swap beside it. When they want more, the
/// kernel ends one of them; with version 2, all.
bool limit_memory(const std::string& directory, CgroupVersion version, std::uint64_t bytes);

/// Thousandths of a core, of each tenth of a second.
bool limit_cpu(const std::string& directory, CgroupVersion version, std::uint64_t millicores);

/// Version 2: the cgroups in `directory` have the controller from now on. EBUSY: there are processes in it.
bool hand_down(const std::string& directory, const std::string& controller);

/// Moves the processes of one cgroup of version 2 into another, which is made if need be.
bool move_all(const std::string& from, const std::string& to);

/// How many processes of the cgroup the kernel has ended for want of memory; 0 where that is not counted.
std::uint64_t oom_kills(const std::string& directory, CgroupVersion version);

/// Has the memory of this cgroup of version 2 a limit of its own?
bool has_memory_limit(const std::string& directory);

}  // namespace cattino::sys
