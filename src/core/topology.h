// Which devices of a host are near each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/device.h"

namespace cattino::core {

/// `open` in another order: first the `wanted` ones that, with the `certain` ones, are closest to each
/// other; among equals those that leave the rest closest together, then the lowest. `host` says how far
/// devices are from each other.
std::vector<std::uint16_t> closest(
    const Host& host,
    const std::vector<std::uint16_t>& certain,
    const std::vector<std::uint16_t>& open,
    std::size_t wanted);

}  // namespace cattino::core
