// Numbers that look random and are the same everywhere for one seed: for simulations and tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cattino {

/// SplitMix64, or as long as there are any, the bytes that somebody else chose.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  /// The bytes must outlive it and its copies.
  explicit Dice(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t below(std::uint64_t bound) {
    return (bytes_.empty() ? next() : chosen(bound)) % bound;
  }
  bool one_in(std::uint64_t bound) { return below(bound) == 0; }
  /// Bytes that were not used yet.
  [[nodiscard]] std::size_t bytes_left() const { return bytes_.size(); }

 private:
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
  /// As many bytes as it takes to reach the bound.
  std::uint64_t chosen(std::uint64_t bound) {
    std::uint64_t number = 0;
    for (std::uint64_t rest = bound - 1; rest > 0 && !bytes_.empty(); rest >>= 8U) {
      number = (number << 8U) | static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
    }
    return number;
  }

  std::uint64_t state_ = 0;
  std::string_view bytes_;
};

}  // namespace cattino
