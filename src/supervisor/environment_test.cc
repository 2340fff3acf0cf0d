// Merging environments.
#include "supervisor/environment.h"

#include <gtest/gtest.h>

namespace cattino::supervisor {
namespace {

std::vector<std::string> texts(const std::vector<char*>& block) {
  std::vector<std::string> all;
  for (const char* variable : block) {
    if (variable != nullptr) {
      all.emplace_back(variable);
    }
  }
  return all;
}

TEST(Environment, OverridesReplaceTheSameNameAndAddOthers) {
  const Environment environment{{"PATH=/bin", "A=1", "AB=2"}};
  const std::vector<std::string> overrides{"A=9", "NEW=x"};
  const std::vector<char*> block = environment.merged(overrides);
  EXPECT_EQ(texts(block), (std::vector<std::string>{"PATH=/bin", "A=9", "AB=2", "NEW=x"}));
  EXPECT_EQ(block.back(), nullptr);
  EXPECT_STREQ(value_of("A", block), "9");
  EXPECT_STREQ(value_of("PATH", block), "/bin");
  EXPECT_EQ(value_of("B", block), nullptr);
  EXPECT_EQ(texts(environment.merged({})), (std::vector<std::string>{"PATH=/bin", "A=1", "AB=2"}));
}

TEST(Environment, NoNameIsThereTwice) {
  const Environment environment{{"A=1"}};
  const std::vector<std::string> overrides{"NEW=1", "A=2", "NEW=22", "N=3", "A=3"};
  EXPECT_EQ(
      texts(environment.merged(overrides)), (std::vector<std::string>{"A=3", "NEW=22", "N=3"}));
}

}  // namespace
}  // namespace cattino::supervisor
