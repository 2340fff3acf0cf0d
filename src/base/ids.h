// Distinct types for what is numbered, so that a task's id is never taken for a group's.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace cattino {

/// A number that names one thing of kind Tag. 0 names nothing. Ids only grow and are never reused.
template <class Tag>
struct Id {
  std::uint64_t value = 0;

  explicit operator bool() const { return value != 0; }
  friend auto operator<=>(const Id&, const Id&) = default;
};

using TaskId = Id<struct TaskTag>;
using GroupId = Id<struct GroupTag>;
using SubmissionId = Id<struct SubmissionTag>;
using UserId = Id<struct UserTag>;

/// One execution of a task, numbered from 1. `key()` packs it into 62 bits: it is what the supervisor
/// and the tag on every process of the attempt know it by.
struct AttemptId {
  TaskId task;
  std::uint32_t number = 0;

  static constexpr unsigned number_bits = 16;
  static constexpr std::uint64_t number_max = (1U << number_bits) - 1;

  [[nodiscard]] std::uint64_t key() const { return task.value << number_bits | number; }
  static AttemptId from_key(std::uint64_t key) {
    return {TaskId{key >> number_bits}, static_cast<std::uint32_t>(key & number_max)};
  }
  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

/// The Python host of a submission is a process of the supervisor too: its key has bit 62 set, so it
/// is never an attempt's. `generation` counts hosts that replaced a dead one, from 1.
struct HostKey {
  SubmissionId submission;
  std::uint32_t generation = 0;

  static constexpr std::uint64_t mark = 1ULL << 62U;

  [[nodiscard]] std::uint64_t key() const {
    return mark | submission.value << AttemptId::number_bits | generation;
  }
  static bool is_host(std::uint64_t key) { return (key & mark) != 0; }
  static HostKey from_key(std::uint64_t key) {
    const std::uint64_t rest = key & ~mark;
    return {
        SubmissionId{rest >> AttemptId::number_bits},
        static_cast<std::uint32_t>(rest & AttemptId::number_max)};
  }
};

}  // namespace cattino

template <class Tag>
struct std::hash<cattino::Id<Tag>> {
  std::size_t operator()(const cattino::Id<Tag>& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value);
  }
};
