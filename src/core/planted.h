// Faults that tests plant, to see that the checks find them. Only in builds with CATTINO_PLANTED (those with
// sanitizers); everywhere else `planted` is false at compile time and leaves no trace.
#pragma once

#include <cstdint>

namespace cattino::core {

enum class Fault : std::uint8_t {
  none,
  overcommit,           ///< claims on devices are not counted
  leak,                 ///< what is released stays held
  no_allocation,        ///< an attempt runs without what it was given
  partial_gang,         ///< a gang gets a device less
  eager_start,          ///< a task starts when one of its prerequisites is still open
  second_end,           ///< an attempt that is over ends again
  ignored_reservation,  ///< backfill takes what is reserved
  false_reason,         ///< prerequisites are not looked at
  unsaved_change,       ///< a change is not told to the store
  ignored_limit,        ///< a group runs more than it may
  ignored_deadline,     ///< a time limit passes unnoticed
  leaked_counter,       ///< what is released of a counter stays held
  out_of_order,         ///< the lowest priority comes first
  idle_room,            ///< nobody looks when something is freed
};
constexpr Fault last_fault = Fault::idle_room;

#ifdef CATTINO_PLANTED
extern Fault planted_fault;
inline bool planted(Fault fault) {
  return planted_fault == fault;
}
#else
constexpr bool planted(Fault /*fault*/) {
  return false;
}
#endif

}  // namespace cattino::core
