// Merging environments.
#include "supervisor/environment.h"

#include <algorithm>
#include <utility>

namespace cattino::supervisor {
namespace {

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

}  // namespace

Environment::Environment(std::vector<std::string> variables) : variables_{std::move(variables)} {
  for (std::size_t at = 0; at < variables_.size(); ++at) {
    position_of_name_[name_of(variables_[at])] = at;
  }
}

std::vector<char*> Environment::merged(const std::vector<std::string>& overrides) const {
  std::vector<char*> block;
  block.reserve(variables_.size() + overrides.size() + 1);
  // exec takes pointers to char and leaves the characters alone.
  for (const std::string& variable : variables_) {
    block.push_back(const_cast<char*>(variable.c_str()));
  }
  for (const std::string& variable : overrides) {
    const std::string_view name = name_of(variable);
    const auto known = position_of_name_.find(name);
    const auto at = known != position_of_name_.end()
                        ? block.begin() + static_cast<std::ptrdiff_t>(known->second)
                        : std::find_if(
                              block.begin() + static_cast<std::ptrdiff_t>(variables_.size()),
                              block.end(),
                              [name](const char* added) { return name_of(added) == name; });
    if (at != block.end()) {
      *at = const_cast<char*>(variable.c_str());
    } else {
      block.push_back(const_cast<char*>(variable.c_str()));
    }
  }
  block.push_back(nullptr);
  return block;
}

const char* value_of(std::string_view name, const std::vector<char*>& block) {
  for (const char* variable : block) {
    if (variable == nullptr) {
      break;
    }
    const std::string_view text{variable};
    if (text.size() > name.size() && text.starts_with(name) && text[name.size()] == '=') {
      return variable + name.size() + 1;
    }
  }
  return nullptr;
}

}  // namespace cattino::supervisor
