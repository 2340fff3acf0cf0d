// Which Python runs a script, and how it finds our package.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "cli/surroundings.h"

namespace cattino::cli {

/// Looks at files; tests have their own.
struct Files {
  std::function<bool(const std::string& path)> is_executable;
  std::function<bool(const std::string& path)> exists;
};

Files real_files();

/// `name` as a shell finds it along `path`; empty if it does not.
std::string in_path(const std::string& name, const std::string& path, const Files& files);

/// `wanted` (--python), else $CATTINO_PYTHON, the active virtual environment's, the active conda
/// environment's, `python3` or `python` in $PATH. A path; one that was asked for and is not there is an
/// error, not a reason to take the next.
Result<std::string> choose_interpreter(
    const std::string& wanted, const Surroundings& surroundings, const Files& files);

/// The directory that holds the package `cattino`: $CATTINO_PACKAGE, else one near the programs (the
/// source tree's python/, an environment's site-packages). Empty if there is none.
std::string find_package(const Surroundings& surroundings, const Files& files);

/// A directory in which an interpreter finds the package of `package` and nothing else, so that lending
/// it cannot hide the interpreter's own packages. Made below `state` where needed.
Result<std::string> lent_directory(const std::string& package, const std::string& state);

}  // namespace cattino::cli
