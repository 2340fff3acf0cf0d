// The cgroups that attempts run in: a pool of directories in our own cgroup, used again and again, because
// making one for each attempt would cost a quarter of all starts.
//
//   OWN CGROUP/cattino-SPACE/NUMBER     SPACE: the tag space of this backend, 16 hexadecimal digits
//
// The journal says which attempt has which number, so the next supervisor knows whose processes are whose.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sys/cgroup.h"

namespace cattino::supervisor {

/// What the environment variable CATTINO_CGROUPS says.
enum class CgroupUse : std::uint8_t {
  automatic,  ///< where our own cgroup may be written to
  no_kill,    ///< the same, but end trees by signals, as on kernels without cgroup.kill
  off,        ///< tags alone
};

/// False if `text` is none of: auto, no-kill, off; empty is auto.
bool parse_cgroup_use(std::string_view text, CgroupUse& use);

/// The cgroup of one attempt at a time.
struct CgroupSlot {
  std::uint32_t number = 0;  ///< from 1
  sys::Cgroup group;
  bool fresh = true;       ///< nothing has run in it yet
  bool inherited = false;  ///< from the supervisor before us
};

class CgroupPool {
 public:
  CgroupPool(CgroupUse use, std::uint64_t space) : use_{use}, space_{space} {}

  // ---- after a crash, in this order -----------------------------------------------------------------

  /// The pool of the supervisor before us; empty: there is none.
  void inherit(std::string path) { path_ = std::move(path); }
  /// A slot of it; null if its directory is gone.
  std::unique_ptr<CgroupSlot> inherited(std::uint32_t number) const;
  /// Goes on with the inherited pool if some of it `is_needed`, else begins one in our own cgroup. Empty
  /// directories that nobody knows are removed.
  void begin(bool is_needed);

  // ---- attempts ---------------------------------------------------------------------------------------

  /// Null if there is none to be had: the attempt has its tag alone. `fresh`: one that nobody had before.
  std::unique_ptr<CgroupSlot> take(bool fresh = false);
  /// Its tree is gone. It is used again if it is `clean`: its attempt ended by itself and left nothing.
  void give_back(std::unique_ptr<CgroupSlot> slot, bool clean);
  /// The kernel let nobody in.
  void refused(std::unique_ptr<CgroupSlot> slot);
  /// True if its cgroups have this controller. Sees to that the first time it is asked: what else is in our own
  /// cgroup moves aside, to OWN CGROUP/cattino-rest.
  [[nodiscard]] bool hands_down(const std::string& controller);
  /// SIGKILL to all in it, in one step. False: it is to be done by signals.
  [[nodiscard]] bool kill(const CgroupSlot& slot) const;

  /// Removes what there is.
  void leave();

  /// Empty: no cgroups are used, nor inherited.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] std::string path_of(std::uint32_t number) const;
  void tidy();
  [[nodiscard]] bool make_way_for(const std::string& controller) const;

  CgroupUse use_;
  std::uint64_t space_;
  std::string path_;
  bool open_ = false;  ///< attempts may be started in it
  std::uint32_t last_ = 0;
  std::map<std::string, bool> handed_down_;  ///< by controller
  std::vector<std::unique_ptr<CgroupSlot>> free_;
};

/// Where the pool of a backend is made.
std::string pool_path(const std::string& own_cgroup, std::uint64_t space);

/// A backend that a task starts is no part of that task: moves this process out of the task's cgroup.
void leave_cgroup_of_task();

/// The directory that the pool at or above `path` was made in; empty if there is none.
std::string outside_of_pool(const std::string& path);

}  // namespace cattino::supervisor
