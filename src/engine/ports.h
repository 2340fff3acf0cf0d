// Distinct free ports for MASTER_PORT, so that two distributed trainings on one machine do not collide.
// Handed out in turn from below the range that kernels use for connections, checked by binding on
// loopback. A check holds for a minute: at a thousand starts a second it would cost more than all else
// that the engine does for a start.
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

  /// Looks only if the last look was too long ago.
  static bool seen_free(std::uint16_t number, Port& port, Time now);

  std::array<Port, last - first + 1> ports_{};
  std::uint16_t next_ = first;
};

}  // namespace cattino::engine
