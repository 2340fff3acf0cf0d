// The one table of environment variables, for the documentation.
#include <array>
#include <string_view>

#include <fmt/core.h>

#include "settings/settings.h"

namespace cattino::settings {

namespace {

struct Variable {
  std::string_view name;
  std::string_view read_by;
  std::string_view doc;
};

constexpr std::array<Variable, 17> variables = {{
    {"CATTINO_HOME",
     "all",
     "directory of the logs, and of the state too (default `~/.cache/cattino`)"},
    {"CATTINO_SETTINGS", "all", "the settings file"},
    {"CATTINO_DEVICES", "backend", "instead of the setting `devices`"},
    {"CATTINO_CPUS", "backend", "instead of the setting `cpus`"},
    {"CATTINO_CGROUPS",
     "backend",
     "`off`: process trees are known by tags alone, not by cgroups; `no-kill`: by cgroups, but "
     "ended by "
     "signals, as on kernels before 5.14 (default `auto`)"},
    {"CATTINO_DIR_FORMAT",
     "`create`, `export`",
     "strftime layout of a submission's log directory (default `%Y-%m-%d/%H-%M-%S`); a "
     "`/${fullname}` at its "
     "end is where each task's logs go in any case"},
    {"CATTINO_PYTHON",
     "`create`, `run`",
     "the interpreter that runs scripts, unless `--python` says"},
    {"VIRTUAL_ENV", "`create`, `run`", "its interpreter, when `CATTINO_PYTHON` is not set"},
    {"CONDA_PREFIX", "`create`, `run`", "its interpreter, when neither is set"},
    {"CATTINO_PACKAGE",
     "`create`, `run`",
     "directory of the Python package that is lent to an interpreter without it"},
    {"CATTINO_BIN", "`meow`", "directory of `meowd` and `meow-supervisor` (default: its own)"},
    {"CATTINO_MEOW", "Python", "path of the program `meow`"},
    {"XDG_STATE_HOME", "all", "the state is in its `cattino` (default `~/.local/state`)"},
    {"NO_COLOR", "`meow`", "not empty: no colours"},
    {"CATTINO_TASK_NAME", "set for tasks", "the task's fullname"},
    {"CATTINO_TASK_HOME", "set for tasks", "directory of the task's logs"},
    {"CATTINO_ATTEMPT", "set for tasks", "number of the attempt, from 1"},
}};

}  // namespace

std::string variables_markdown() {
  std::string page = "| variable | read by | meaning |\n|---|---|---|\n";
  for (const Variable& variable : variables) {
    page += fmt::format("| `{}` | {} | {} |\n", variable.name, variable.read_by, variable.doc);
  }
  return page;
}

}  // namespace cattino::settings
