// What the messages are made of.
//
// A member's name is its key in JSON; one underscore at its end is dropped (`stdout_` is "stdout").
// Times are milliseconds since 1970 (UTC), durations milliseconds, memory MiB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cattino::wire {

/// An optional that is written as null when it is empty, not left out.
template <class T>
struct Nullable : std::optional<T> {
  using std::optional<T>::optional;
  using std::optional<T>::operator=;
};

/// An object with any keys, in their order.
template <class T>
using Dictionary = std::vector<std::pair<std::string, T>>;

using Milliseconds = std::int64_t;
using Counts = Dictionary<std::uint64_t>;  ///< of tasks for each status

}  // namespace cattino::wire
