// What the supervisor knows of one key.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include <sys/types.h>

#include "base/time.h"
#include "supervisor/cgroups.h"
#include "supervisor/enforcer.h"
#include "supervisor/launcher.h"
#include "supervisor/messages.h"
#include "sys/fd.h"

namespace cattino::supervisor {

/// The life of a key:
///
///   queued ──▶ running ──▶ ended ──▶ exited ──▶ (acknowledged: forgotten)
///     ├─ cancelled, or the start failed ──▶ exited
///     └─ recalled while held ──▶ (forgotten)
///
/// A queued one may be *held* behind another, in a line: it goes when that one is `exited`.
///
/// `ended`: its own process has ended and the status is in the journal, but its tree may not be gone.
/// Exited is sent on the step to `exited`. While processes are to be ended, `phase` says how far that is:
///
///   none ──▶ asked (by a Stop) ──────▶ terminating ──▶ killing, again and again
///     └────▶ lingering (left over) ─────────┘
struct Attempt {
  enum class State : std::uint8_t { queued, running, ended, exited };
  enum class Phase : std::uint8_t { none, asked, lingering, terminating, killing };

  std::uint64_t key = 0;
  State state = State::queued;
  Phase phase = Phase::none;
  bool plain = false;       ///< what it leaves over is none of our business
  bool our_child = true;    ///< else adopted, or found after a crash
  bool noted = false;       ///< an adopted one: it is in the journal
  bool due_passed = false;  ///< `due` was reached, and the tree is to be looked at
  bool unchecked = false;   ///< waits for a look at its tree
  bool awaits_status =
      false;  ///< has ended, but is not our child: somebody may tell how, until `due`

  std::shared_ptr<LaunchJob> job;  ///< while queued
  std::unique_ptr<CgroupSlot>
      slot;  ///< what its tree is in, until that is gone; null: it has its tag alone
  std::unique_ptr<Enforced> enforced;  ///< how it is held to its bounds; null: not at all
  std::uint64_t behind = 0;            ///< key of the one it is held behind; 0: of none
  std::uint64_t next = 0;              ///< key of the one held behind it; 0: none
  pid_t pid = 0;
  sys::Fd pidfd;  ///< of its own process, until that was reaped
  Time started;
  Duration launched;                           ///< since boot
  std::optional<std::int64_t> strangers_then;  ///< pids strangers had been handed before the launch
  std::string stderr_path;                     ///< for the line about what was left over
  Exited exited;                               ///< from `ended` on
  std::uint64_t copier = 0;                    ///< what copies its output into its logs; 0: none
  Duration output_due;  ///< since boot: its end waits for the copier until then; 0: it does not

  std::int32_t stop_signal = 0;  ///< 0: nobody asked it to stop
  Duration stop_grace;
  Duration due;               ///< since boot: when the phase is over; 0: never
  Duration undecided_since;   ///< waits for a launch under way, to know of strangers
  Duration kill_wait;         ///< until the next round of SIGKILL
  std::size_t left_over = 0;  ///< processes of the tree that were found after its end

  std::map<pid_t, std::uint64_t>
      watched;               ///< processes of the tree (0: its cgroup) → ids of their watches
  std::size_t in_front = 0;  ///< watched commands of our shell, to end before it

  /// 0: none.
  [[nodiscard]] std::uint32_t slot_number() const { return slot ? slot->number : 0; }
};

}  // namespace cattino::supervisor
