// What a verb has at hand.
#pragma once

#include <string>

#include "engine/engine.h"

namespace cattino::server {

struct Context {
  engine::Engine& engine;
  std::string host_name;
};

}  // namespace cattino::server
