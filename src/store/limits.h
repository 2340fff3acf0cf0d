// The numbers of this room.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cattino::store {

/// Pages of 4 KiB that the log grows by before a checkpoint moves them into the database: 4 MiB.
inline constexpr std::int64_t checkpoint_pages = 1024;

/// A log that grew to this (64 MiB: a writer that never pauses) is started over, for which the writer
/// waits some milliseconds.
inline constexpr std::int64_t restart_pages = 16 * 1024;

/// How long the writer waits for a checkpoint, and a checkpoint for readers.
inline constexpr int writer_patience_ms = 10000;
inline constexpr int checkpoint_patience_ms = 100;

/// Page caches. The writer appends, and updates what is recent: it needs little.
inline constexpr int writer_cache_kib = 32 * 1024;
inline constexpr int reader_cache_kib = 8 * 1024;

/// A database of so many pages (32 MiB) is checked whole when it is opened: that takes 3 ms a MiB.
inline constexpr std::int64_t checked_pages = 8 * 1024;

/// Rows of a table that one sweep takes away at most, and chunks of edges; a sweep takes a millisecond or two.
inline constexpr std::uint64_t sweep_rows = 100;
inline constexpr std::uint64_t sweep_chunks = 4;

/// Submissions of the history that are forgotten in one transaction.
inline constexpr std::uint64_t forgotten_at_once = 64;

/// Ids fit into the key of an attempt, beside its number; and so many tasks, or groups, one submission may
/// have. A row with others is damaged.
inline constexpr std::uint64_t id_max = std::uint64_t{1} << 46U;
inline constexpr std::uint64_t ids_of_submission_max = 100'000'000;

/// Edges packed into one row.
inline constexpr std::size_t edges_per_chunk = 8192;

}  // namespace cattino::store
