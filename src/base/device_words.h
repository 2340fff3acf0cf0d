// Names of devices, for people.
#pragma once

#include <string>
#include <vector>

namespace cattino {

/// The common part said once: "cuda:0-3", "cuda:1,5", "cuda:0,mps:0".
std::string devices_words(const std::vector<std::string>& devices);

}  // namespace cattino
