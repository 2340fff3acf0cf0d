// Words for what there is too little of, and who holds it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/reason.h"
#include "engine/wording.h"

namespace cattino::engine {

/// "a, b and 4 more": of `count`, these are named.
std::string list_of(const std::vector<std::string>& words, std::uint64_t count);

/// "3 cores", "1 core", "0.5 cores".
std::string cores_of(Millicores amount);

/// "needs 2 devices with 20000 MiB each; 1 of 3 has that free: cuda:0 is held by train, …".
std::string device_shortage(const core::Reason& reason, const Wording& wording);

/// "needs 2 cores; 1 of 4 is free: train holds 3", of cores, host memory or a counter.
std::string other_shortage(
    const core::Reason& reason, const Wording& wording, const std::vector<Holder>& holders);

}  // namespace cattino::engine
