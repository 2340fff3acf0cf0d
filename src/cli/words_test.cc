// Short texts of what the daemon says.
#include "cli/words.h"

#include <gtest/gtest.h>

namespace cattino::cli {
namespace {

TEST(Words, devices_that_follow_each_other_are_a_range) {
  EXPECT_EQ(devices_words({"cuda:0"}), "cuda:0");
  EXPECT_EQ(devices_words({"cuda:2", "cuda:3"}), "cuda:2,3");
  EXPECT_EQ(devices_words({"cuda:0", "cuda:1", "cuda:2", "cuda:3"}), "cuda:0-3");
  EXPECT_EQ(devices_words({"cuda:0", "cuda:2", "cuda:3", "cuda:4", "cuda:7"}), "cuda:0,2-4,7");
  EXPECT_EQ(devices_words({"cuda:0", "mps:1"}), "cuda:0,mps:1");
  EXPECT_EQ(devices_words({"odd", "cuda:x"}), "odd,cuda:x");
  EXPECT_EQ(devices_words({}), "");
}

TEST(Words, a_brief_reason_leaves_out_the_state_of_each_device) {
  wire::Reason reason;
  reason.kind = "devices";
  reason.text = "needs 2 devices with 20000 MiB; 1 of 3 fits: cuda:0 is held by t1";
  EXPECT_EQ(
      brief_reason_text(wire::Nullable<wire::Reason>(reason)),
      "needs 2 devices with 20000 MiB; 1 of 3 fits");
  reason.kind = "dependencies";
  reason.text = "waits for a: it runs";
  EXPECT_EQ(brief_reason_text(wire::Nullable<wire::Reason>(reason)), "waits for a: it runs");
}

}  // namespace
}  // namespace cattino::cli
