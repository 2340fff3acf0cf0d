// Attempts that are held to their memory and cores by the kernel: by the controllers of version 2 in their own
// cgroup, or by those of version 1, each of which has a hierarchy of its own:
//
//   OWN CGROUP/cattino-SPACE/KEY        one directory for each attempt and controller, gone with it
//
// What of this a machine allows is found out when somebody wants it for the first time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "supervisor/cgroups.h"
#include "supervisor/messages.h"
#include "sys/controllers.h"
#include "sys/fd.h"

namespace cattino::supervisor {

/// How one attempt is held.
struct Enforced {
  /// What becomes of one of its bounds.
  enum class Kept : std::uint8_t { unwanted, in_slot, apart, not_at_all };

  Kept ram = Kept::unwanted;
  Kept cpus = Kept::unwanted;
  std::string memory;  ///< the cgroup that has its limit of memory; empty: none
  sys::CgroupVersion memory_version = sys::CgroupVersion::two;
  std::vector<std::string> own;  ///< directories of version 1
  std::vector<sys::Fd> doors;    ///< where it enters these; until it has
};

class Enforcer {
 public:
  Enforcer(CgroupUse use, std::uint64_t space) : use_{use}, space_{space} {}

  /// Before an attempt begins. `slot`: a fresh one of `pool`; null: it has none.
  std::unique_ptr<Enforced> begin(
      std::uint64_t key, const Bounds& bounds, CgroupPool& pool, const CgroupSlot* slot);
  /// It has begun, in its slot or not, and in the further cgroups or not.
  static void begun(Enforced& enforced, bool in_slot, bool through_doors);
  /// What the supervisor before us had made for it; null: nothing.
  std::unique_ptr<Enforced> inherited(std::uint64_t key, const CgroupSlot* slot);
  /// Has the kernel ended a process of it that wanted more memory?
  [[nodiscard]] static bool out_of_memory(const Enforced& enforced);
  /// Its tree is gone.
  void end(std::unique_ptr<Enforced> enforced);

  /// After a crash, when all were asked for that are known: removes what is left and nobody is in.
  void tidy();
  void leave();

 private:
  struct Hierarchy {
    std::string controller;
    std::string path = {};  ///< of our directory; empty: there is none
    bool known = false;
  };
  enum : std::uint8_t { memory, cpu };
  struct Bound {
    bool (*limit)(const std::string&, sys::CgroupVersion, std::uint64_t);
    std::uint64_t amount;
  };
  struct Place {
    std::uint64_t key;
    CgroupPool& pool;
    const CgroupSlot* slot;
  };
  struct Held {
    Enforced::Kept kept = Enforced::Kept::not_at_all;
    std::string directory = {};
  };

  /// Our directory in the hierarchy of version 1; it may not be there yet.
  const std::string& place_of(Hierarchy& hierarchy) const;
  /// Makes one for the attempt; empty if that cannot be.
  std::string make(Hierarchy& hierarchy, std::uint64_t key, Enforced& enforced);
  Held hold(Hierarchy& hierarchy, const Bound& bound, const Place& place, Enforced& enforced);

  CgroupUse use_;
  std::uint64_t space_;
  std::array<Hierarchy, 2> hierarchies_{Hierarchy{"memory"}, Hierarchy{"cpu"}};
  std::vector<std::string> left_;  ///< could not be removed yet
};

}  // namespace cattino::supervisor
