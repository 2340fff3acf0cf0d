// Distinct free ports for MASTER_PORT, so that two distributed trainings on one machine do not collide.
// Handed out from below the range that kernels use for connections, checked by binding on loopback
// (7 µs). Only tasks that hold an accelerator get one: nothing else trains in a group of processes, and
// plain tasks start without the system calls.
#pragma once

#include <cstdint>
#include <unordered_set>

namespace cattino::engine {

class Ports {
 public:
  static constexpr std::uint16_t first = 20000;
  static constexpr std::uint16_t last = 31999;

  /// A port that nobody listens on and no other attempt was given; 0 if there is none.
  std::uint16_t take();
  void give_back(std::uint16_t port) { taken_.erase(port); }

 private:
  std::unordered_set<std::uint16_t> taken_;
  std::uint16_t next_ = first;
};

}  // namespace cattino::engine
