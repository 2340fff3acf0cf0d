// The plain names that the daemon fills in: ${task_name}, ${fullname}, ${run_dir}, and ${fullpath}, which is
// the fullname as a path: `${run_dir}/${fullpath}` is where the logs are. Any other ${x} is left for a
// shell.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cattino::engine {

struct Magics {
  std::string_view task_name;
  std::string_view fullname;
  std::string_view run_dir;
};

std::string fill_in(std::string_view text, const Magics& magics);

/// The argv of a command text: its words if it means no more to a shell than words (a name with spaces
/// that is filled in stays one word), else `shell` with the filled-in text after it.
std::vector<std::string> command_argv(
    std::string_view command, const Magics& magics, const std::vector<std::string>& shell);

/// The shell of the setting, as words; "" is bash with pipefail where there is a bash, else sh.
std::vector<std::string> shell_words(std::string_view setting);

}  // namespace cattino::engine
