// Short texts of what the daemon says.
#include "cli/words.h"

#include <gtest/gtest.h>

namespace cattino::cli {
namespace {

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
