// The limits and intervals of the supervisor, in one place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace cattino::supervisor {

constexpr std::size_t frame_size_max = std::size_t{64} << 20U;
constexpr std::size_t read_size = std::size_t{256} << 10U;
constexpr int backlog_max = 4096;

/// What an attempt that ended by itself left running may still run.
constexpr Duration left_over_grace = Duration::seconds(5);
/// How long the end of an attempt waits for what copies its output into logs with a limit.
constexpr Duration output_wait = Duration::seconds(5);
/// Between SIGTERM to all that is left and SIGKILL.
constexpr Duration kill_after_term = Duration::seconds(1);
/// Between two rounds of SIGKILL, for trees that grow while they are killed.
constexpr Duration kill_again_after = Duration::milliseconds(100);
constexpr Duration kill_again_max = Duration::seconds(5);
constexpr int kill_rounds_max = 8;
/// How long the exit of a process that is not our child may take to be told.
constexpr Duration status_wait = Duration::milliseconds(100);
/// How long a launch under way may keep us from knowing whether strangers made processes.
constexpr Duration launch_wait = Duration::milliseconds(5);
/// How long the start of a process may stay untold, so that a short one is told of once.
constexpr Duration start_told_after = Duration::milliseconds(2);
/// How long news may wait that change nothing for now; and how many starts, held behind an attempt that
/// has ended, make its end such news.
constexpr Duration news_wait = Duration::milliseconds(2);
constexpr std::size_t line_worth_patience = 3;
/// When the journal cannot be written (a full disk), nothing is launched until it can: tried this often.
constexpr Duration journal_again_after = Duration::seconds(1);
/// The same for what found no room for its logs.
constexpr Duration room_again_after = Duration::seconds(1);
/// After a crash: how long a process on its way to exec may stay unseen.
constexpr Duration settle_wait = Duration::milliseconds(300);

/// Looking through /proc takes at most one part in this many of the time …
constexpr std::int64_t scan_share = 50;
/// … waits at most this long, and is not rationed if it costs less than this.
constexpr Duration scan_wait_max = Duration::milliseconds(200);
constexpr Duration scan_cost_free{300};
/// Up to this many numbers are tried one by one instead of listing /proc.
constexpr std::int64_t probe_max = 64;
/// Processes that are made while we look are looked at, too: this often, for others may make them all the time.
constexpr int chase_rounds_max = 16;
/// A launch needs no newer reading of the last pid than this: a stranger's process in between costs a look.
constexpr Duration reading_holds = Duration::milliseconds(1);
/// Within this time the pids handed out cannot have gone round.
constexpr Duration counted_life_max = Duration::seconds(2);

/// Cgroups that nobody is in are kept for the next up to this many.
constexpr std::size_t free_cgroups_max = 64;
/// How long processes that have been killed may keep their cgroup when we leave.
constexpr int cgroup_leave_wait_ms = 100;

constexpr std::size_t journal_size_max = std::size_t{1} << 20U;
constexpr std::size_t journal_size_min = std::size_t{256} << 10U;

constexpr std::size_t launching_threads = 2;

/// The daemon died this often within this time: it is started again only for a client.
constexpr int crash_count_max = 5;
constexpr Duration crash_window = Duration::seconds(10);

}  // namespace cattino::supervisor
