// environ and /proc/self/exe, read once.
#include "cli/surroundings.h"

#include <algorithm>
#include <array>
#include <climits>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

namespace cattino::cli {

Surroundings surroundings_of_process(char** variables, std::vector<std::string> arguments) {
  Surroundings surroundings;
  surroundings.arguments = std::move(arguments);
  for (char** each = variables; each != nullptr && *each != nullptr; ++each) {
    const std::string_view text = *each;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos && equals > 0) {
      surroundings.variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  surroundings.environment =
      [list = surroundings.variables](const std::string& name) -> std::optional<std::string> {
    const auto found = std::find_if(
        list.begin(), list.end(), [&name](const auto& each) { return each.first == name; });
    return found != list.end() ? std::optional(found->second) : std::nullopt;
  };
  std::array<char, PATH_MAX> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  surroundings.program.assign(path.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return surroundings;
}

unsigned umask_of_process() {
  const mode_t mask = umask(0);
  umask(mask);
  return mask;
}

std::vector<std::string> joined(const std::vector<std::pair<std::string, std::string>>& variables) {
  std::vector<std::string> texts;
  texts.reserve(variables.size());
  for (const auto& [name, value] : variables) {
    texts.push_back(name);
    texts.back().append("=").append(value);
  }
  return texts;
}

}  // namespace cattino::cli
