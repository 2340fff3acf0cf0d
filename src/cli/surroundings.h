// What a command finds around it: its environment and its own program.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "settings/settings.h"

namespace cattino::cli {

struct Surroundings {
  settings::Environment environment;
  /// All variables, in their order; what has no name is left out.
  std::vector<std::pair<std::string, std::string>> variables;
  std::string program;                      ///< the path of the running `meow`
  std::vector<std::string> arguments = {};  ///< what follows its name on the command line

  /// The value of a variable; empty if it is not set.
  [[nodiscard]] std::string value(const std::string& name) const {
    return environment(name).value_or("");
  }
};

/// Of this process, as main sees them.
Surroundings surroundings_of_process(char** variables, std::vector<std::string> arguments);

/// Its mask for the modes of new files. It is set for a moment: there is no other way to ask.
unsigned umask_of_process();

/// Variables as execve and the guardian take them: "NAME=value".
std::vector<std::string> joined(const std::vector<std::pair<std::string, std::string>>& variables);

}  // namespace cattino::cli
