// One command line with lists in it, as many tasks: `--lr [0.1,0.3] model=[a,b]` is four.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cattino::cli {

/// Splits the inside of a list at its commas; commas in quotes or in brackets of their own do not
/// count, quotes around a whole value are taken off. An error says what is not closed.
Result<std::vector<std::string>> split_list(std::string_view inside);

/// The arguments of a task and, if several tasks come of one command, what tells it from the others.
struct Variant {
  std::vector<std::string> arguments;
  std::string label;  ///< "lr=0.1,model=a"; empty if nothing varies
};

/// The product of all lists, computed one variant at a time: a million of them need no memory.
class Multirun {
 public:
  static constexpr std::uint64_t variants_max = 10'000'000;
  static constexpr std::size_t label_bytes_max = 200;

  /// Reads `--key [a,b]`, `--key=[a,b]`, `key=[a,b]` and `[a,b]`.
  static Result<Multirun> parse(const std::vector<std::string>& arguments);

  /// One task, its arguments as they are.
  static Multirun literal(std::vector<std::string> arguments);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The last list varies fastest. `index` < count().
  [[nodiscard]] Variant at(std::uint64_t index) const;

 private:
  struct Dimension {
    std::size_t argument = 0;  ///< which argument the list stands in
    std::string prefix;        ///< what stands before it there: "lr=", "--lr=", ""
    std::string key;           ///< for the label: "lr"
    std::vector<std::string> values;
    std::vector<std::string> labels;  ///< of the values, distinct
  };

  std::vector<std::string> arguments_;
  std::vector<Dimension> dimensions_;
  std::uint64_t count_ = 1;
};

}  // namespace cattino::cli
