// Making, reusing and removing the cgroups of attempts.
#include "supervisor/cgroups.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/core.h>
#include <sys/stat.h>

#include "supervisor/limits.h"
#include "sys/controllers.h"
#include "sys/files.h"

namespace cattino::supervisor {
namespace {

constexpr std::string_view pool_name = "cattino-";
constexpr std::string_view rest_name = "/cattino-rest";
constexpr std::size_t space_digits = 16;
constexpr int rounds_max = 8;  // processes that are made while others move

std::optional<std::uint32_t> number_of(const std::string& name) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool good = error == std::errc{} && end == name.data() + name.size() && number > 0;
  return good ? std::optional{number} : std::nullopt;
}

}  // namespace

bool parse_cgroup_use(std::string_view text, CgroupUse& use) {
  if (text.empty() || text == "auto") {
    use = CgroupUse::automatic;
  } else if (text == "no-kill") {
    use = CgroupUse::no_kill;
  } else if (text == "off") {
    use = CgroupUse::off;
  } else {
    return false;
  }
  return true;
}

std::string CgroupPool::path_of(std::uint32_t number) const {
  return fmt::format("{}/{}", path_, number);
}

std::unique_ptr<CgroupSlot> CgroupPool::inherited(std::uint32_t number) const {
  if (path_.empty() || number == 0) {
    return nullptr;
  }
  std::optional<sys::Cgroup> group = sys::Cgroup::open(path_of(number), false);
  if (!group) {
    return nullptr;
  }
  return std::make_unique<CgroupSlot>(CgroupSlot{number, std::move(*group), false, true});
}

void CgroupPool::begin(bool is_needed) {
  tidy();
  if (!is_needed) {
    leave();
    const std::string own = use_ == CgroupUse::off ? std::string{} : sys::own_cgroup();
    path_ = own.empty() ? std::string{} : pool_path(own, space_);
  }
  if (path_.empty() || use_ == CgroupUse::off) {
    return;
  }
  open_ = ::mkdir(path_.c_str(), 0755) == 0 || errno == EEXIST;
  if (!open_) {
    path_.clear();
    return;
  }
  tidy();  // it may be there although no journal speaks of it
}

/// Removes what nobody is in. New ones get numbers that were not there.
void CgroupPool::tidy() {
  if (path_.empty()) {
    return;
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{path_, error}) {
    const std::optional<std::uint32_t> number = number_of(entry.path().filename().string());
    const std::optional<sys::Cgroup> group = sys::Cgroup::open(entry.path().string(), false);
    last_ = std::max(last_, number.value_or(0));
    if (number && group && !group->populated()) {
      sys::remove_cgroup(group->path());
    }
  }
}

std::unique_ptr<CgroupSlot> CgroupPool::take(bool fresh) {
  if (!fresh && !free_.empty()) {
    std::unique_ptr<CgroupSlot> slot = std::move(free_.back());
    free_.pop_back();
    return slot;
  }
  if (!open_) {
    return nullptr;
  }
  std::optional<sys::Cgroup> group = sys::Cgroup::open(path_of(++last_), true);
  if (!group) {
    return nullptr;
  }
  return std::make_unique<CgroupSlot>(CgroupSlot{last_, std::move(*group)});
}

void CgroupPool::give_back(std::unique_ptr<CgroupSlot> slot, bool clean) {
  slot->fresh = false;
  if (clean && !slot->inherited && open_ && free_.size() < free_cgroups_max) {
    free_.push_back(std::move(slot));
    return;
  }
  sys::remove_cgroup(slot->group.path());
}

void CgroupPool::refused(std::unique_ptr<CgroupSlot> slot) {
  // One that was used may have been changed by its task; if a new one is of no use, none will be.
  open_ = open_ && !slot->fresh;
  give_back(std::move(slot), false);
}

bool CgroupPool::hands_down(const std::string& controller) {
  const auto known = handed_down_.find(controller);
  if (known != handed_down_.end()) {
    return known->second;
  }
  const bool does = !path_.empty() && make_way_for(controller) && sys::hand_down(path_, controller);
  handed_down_[controller] = does;
  return does;
}

/// Has the cgroup that the pool is in hand the controller down.
bool CgroupPool::make_way_for(const std::string& controller) const {
  const std::string own = sys::directory_of(path_);
  for (int round = 0; round < rounds_max; ++round) {
    if (sys::hand_down(own, controller)) {
      return true;
    }
    if (errno != EBUSY || !sys::move_all(own, own + std::string{rest_name})) {
      return false;
    }
  }
  return false;
}

bool CgroupPool::kill(const CgroupSlot& slot) const {
  return use_ != CgroupUse::no_kill && slot.group.kill();
}

void CgroupPool::leave() {
  free_.clear();
  open_ = false;
  if (!path_.empty()) {
    sys::remove_cgroup(path_, cgroup_leave_wait_ms);
  }
}

std::string pool_path(const std::string& own_cgroup, std::uint64_t space) {
  std::string_view own = own_cgroup;
  if (own.ends_with(rest_name)) {
    own.remove_suffix(rest_name.size());
  }
  return fmt::format("{}/{}{:016x}", own, pool_name, space);
}

std::string outside_of_pool(const std::string& path) {
  const std::string begin = "/" + std::string{pool_name};
  const std::string_view digits = "0123456789abcdef";
  for (std::size_t at = path.find(begin); at != std::string::npos; at = path.find(begin, at + 1)) {
    const std::size_t end = path.find_first_not_of(digits, at + begin.size());
    const bool whole = end == at + begin.size() + space_digits && path[end] == '/';
    if (whole) {
      return path.substr(0, at);
    }
  }
  return {};
}

void leave_cgroup_of_task() {
  for (const char* const controller : {"", "memory", "cpu"}) {  // those that limits are made by
    const std::string outside = outside_of_pool(sys::own_cgroup(controller));
    if (!outside.empty()) {
      // Where neither is allowed, it stays the task's and ends with it.
      [[maybe_unused]] const bool left =
          sys::enter_cgroup(outside) || sys::enter_cgroup(outside + std::string{rest_name});
    }
  }
}

}  // namespace cattino::supervisor
