// What new work must look like: names, programs, variables, requests. Errors carry a field below the task or
// group ("name", "argv[0]"); the caller puts "tasks[3]." before it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/engine.h"

namespace cattino::engine {

constexpr std::size_t most_name_bytes = 255;
constexpr std::size_t most_fullname_bytes = 2048;
constexpr std::uint64_t most_tasks = 10'000'000;
constexpr std::uint64_t most_groups = 1'000'000;

constexpr std::size_t most_pins = 64;
constexpr std::size_t most_resources = 32;
constexpr std::size_t most_word_bytes = 256;  ///< of a pin, of the name of a resource

/// One path component; with `slashes`, several, each checked.
Status check_name(std::string_view name, bool slashes);

/// A program that can be started, variables that can be passed on.
Status check_program(const Staging::NewTask& task);

/// What it asks for, and when it is run again.
Status check_wishes(const Staging::NewTask& task);

}  // namespace cattino::engine
