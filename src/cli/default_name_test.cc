// Names for tasks that were given none.
#include "cli/default_name.h"

#include <gtest/gtest.h>

namespace cattino::cli {
namespace {

TEST(DefaultName, is_the_script_that_an_interpreter_runs) {
  EXPECT_EQ(default_name({"python", "-u", "src/train.py", "--lr", "1"}), "train");
  EXPECT_EQ(default_name({"bash", "./prepare.sh"}), "prepare");
  EXPECT_EQ(default_name({"torchrun", "--nproc-per-node", "2", "train.py"}), "train");
}

TEST(DefaultName, is_the_last_part_of_a_module) {
  EXPECT_EQ(default_name({"python3", "-m", "package.evaluate", "x.py"}), "evaluate");
}

TEST(DefaultName, is_the_program_otherwise) {
  EXPECT_EQ(default_name({"/bin/true"}), "true");
  EXPECT_EQ(default_name({"python", "-c", "print('a.py')"}), "python");
}

TEST(DefaultName, looks_past_assignments) {
  EXPECT_EQ(default_name({"CUDA_LAUNCH_BLOCKING=1", "SEED=2", "./train.py"}), "train");
  EXPECT_EQ(default_name({"A=1"}), "task");
}

TEST(DefaultName, is_always_legal) {
  EXPECT_EQ(default_name({"."}), "task");
  EXPECT_EQ(default_name({"/"}), "task");
  EXPECT_EQ(default_name({"a b\n"}), "a_b_");
  EXPECT_EQ(default_name({"$(cmd)"}), "_(cmd)");
  EXPECT_LE(default_name({std::string(1000, 'x')}).size(), 255U);
}

}  // namespace
}  // namespace cattino::cli
