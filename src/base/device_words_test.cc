// Names of devices.
#include "base/device_words.h"

#include <gtest/gtest.h>

namespace cattino {
namespace {

TEST(DeviceWords, Devices_that_follow_each_other_are_a_range) {
  EXPECT_EQ(devices_words({"cuda:0"}), "cuda:0");
  EXPECT_EQ(devices_words({"cuda:2", "cuda:3"}), "cuda:2,3");
  EXPECT_EQ(devices_words({"cuda:0", "cuda:1", "cuda:2", "cuda:3"}), "cuda:0-3");
  EXPECT_EQ(devices_words({"cuda:0", "cuda:2", "cuda:3", "cuda:4", "cuda:7"}), "cuda:0,2-4,7");
  EXPECT_EQ(devices_words({"cuda:0", "mps:1"}), "cuda:0,mps:1");
  EXPECT_EQ(devices_words({"odd", "cuda:x"}), "odd,cuda:x");
  EXPECT_EQ(devices_words({}), "");
}

}  // namespace
}  // namespace cattino
