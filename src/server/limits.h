// How much a client may send, and how far behind it may fall.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace cattino::server {

constexpr std::uint32_t header_bytes_max = 64 * 1024;
constexpr std::uint64_t body_bytes_max = 1024 * 1024;        ///< but for a submission's
constexpr std::size_t line_bytes_max = 64ULL * 1024 * 1024;  ///< of a submission, of a host

/// Of what a client goes on sending after it was refused: it is read so that the client comes to read
/// the answer.
constexpr std::uint64_t drain_bytes_max = 512ULL * 1024 * 1024;
constexpr Duration drain_time_max = Duration::seconds(10);

/// Lines of a submission that are staged at once.
constexpr std::size_t lines_in_batch = 1000;

/// What the ids of one submission may take of all ids there are.
constexpr std::uint64_t tasks_max = 100'000'000;

/// Changes that wait for a follower that does not read, and their bytes; then a gap is left.
constexpr std::size_t feed_items_max = 100'000;
constexpr std::size_t feed_bytes_max = 64ULL * 1024 * 1024;
/// What is handed to the connection before it has sent what it has.
constexpr std::size_t feed_unsent_bytes = 256ULL * 1024;

/// What waits for a host that does not read; then its connection is closed.
constexpr std::size_t channel_unsent_bytes_max = 512ULL * 1024 * 1024;

/// How long the last answers may take to leave before the program ends.
constexpr Duration farewell_time_max = Duration::seconds(2);

}  // namespace cattino::server
