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

/// An end after which a task is run again: an exit code from 1 to 255, or a word.
struct RetryEnd {
  std::uint8_t code = 0;
  std::string word;  ///< if there is no code: exit, signal, timeout, oom, lost
};

/// A number with a fraction, in millionths.
struct Factor {
  std::int64_t ppm = 0;
};
/// Any finite number.
struct Number {
  double value = 0;
};
using Counts = Dictionary<std::uint64_t>;  ///< of tasks for each status

}  // namespace cattino::wire
