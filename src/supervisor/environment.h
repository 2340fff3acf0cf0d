// Environments as exec wants them, shared by all spawns that refer to one.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cattino::supervisor {

/// An environment that many attempts have in common. Never changes once it is made; read by the launching
/// threads.
class Environment {
 public:
  explicit Environment(std::vector<std::string> variables);

  /// The block for exec: this environment with `overrides` put over it, each over the ones before, so
  /// that no name is there twice. Its pointers point into both.
  [[nodiscard]] std::vector<char*> merged(const std::vector<std::string>& overrides) const;

 private:
  std::vector<std::string> variables_;
  std::unordered_map<std::string_view, std::size_t> position_of_name_;
};

/// The value of `name` in a block that ends with a null pointer; null if it has none.
const char* value_of(std::string_view name, const std::vector<char*>& block);

}  // namespace cattino::supervisor
