// Distinct free ports for MASTER_PORT, so that two distributed trainings on one machine do not collide.
// Handed out in turn from below the range that kernels use for connections, checked by binding on
// loopback. A check costs as much as a turn of the engine: it holds for a minute, and no more ports go
// round than are needed for a port to rest between two attempts.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"

namespace cattino::engine {

class Ports {
 public:
  static constexpr std::uint16_t first = 20000;
  static constexpr std::uint16_t last = 31999;

  static constexpr Duration check_holds = Duration::seconds(60);

  /// A port that nobody listened on a minute ago and no other attempt was given; 0 if there is none.
  std::uint16_t take(Time now);
  void give_back(std::uint16_t port);

 private:
  struct Port {
    bool taken = false;
    Time checked;  ///< when it was last seen free
  };

  std::uint16_t take_of_round(Time now);
  /// Looks only if the last look was too long ago.
  static bool seen_free(std::uint16_t number, Port& port, Time now);

  /// How many ports go round at first; twice as many whenever all of them are taken.
  static constexpr std::size_t round_min = 512;

  std::array<Port, last - first + 1> ports_{};
  std::size_t round_ = round_min;
  std::size_t next_ = 0;
};

}  // namespace cattino::engine
