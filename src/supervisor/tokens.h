// What epoll hands back for each descriptor of the supervisor: a key (bit 63 clear: the pidfd of that
// attempt's own process), or a kind and a number.
#pragma once

#include <cstdint>

namespace cattino::supervisor {

enum class TokenKind : std::uint8_t {
  signals,
  results,
  listener,
  guardian,
  connection,
  watch,
  copier
};

constexpr std::uint64_t not_a_key = 1ULL << 63U;
constexpr unsigned kind_shift = 56;

constexpr std::uint64_t token(TokenKind kind, std::uint64_t id = 0) {
  return not_a_key | std::uint64_t{static_cast<std::uint8_t>(kind)} << kind_shift | id;
}
constexpr bool is_key(std::uint64_t token) {
  return (token & not_a_key) == 0;
}
/// May an attempt have it? Others are none's, or the loop takes them for descriptors of its own.
constexpr bool may_be_given(std::uint64_t key) {
  return key != 0 && is_key(key);
}
constexpr TokenKind kind_of(std::uint64_t token) {
  return static_cast<TokenKind>((token & ~not_a_key) >> kind_shift);
}
constexpr std::uint64_t id_of(std::uint64_t token) {
  return token & ((1ULL << kind_shift) - 1);
}

}  // namespace cattino::supervisor
