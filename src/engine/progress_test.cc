// What is read from reports and progress bars.
#include "engine/progress.h"

#include <fstream>

#include <gtest/gtest.h>

#include "sys/test_directory.h"

namespace cattino::engine {
namespace {

using Bar = std::optional<std::pair<std::int64_t, std::int64_t>>;

Bar bar(std::string_view log) {
  const std::optional<Progress> found = last_bar(log);
  return found ? Bar({found->step.value(), found->total.value()}) : std::nullopt;
}

TEST(Progress, The_last_bar_of_a_log_is_found) {
  EXPECT_EQ(
      bar("  9%|9         | 9/100 [00:01<00:10]\r 45%|####      | 45/100 [00:12<00:15, 3.6it/s]"),
      Bar({45, 100}));
  EXPECT_EQ(
      bar("epoch 3:  50%|\xe2\x96\x88\xe2\x96\x88   | 1/2 [00:00<?, ?it/s, lr=1/3]"), Bar({1, 2}));
  EXPECT_EQ(bar("Epoch 2/5\n12/100 [==>...........] - ETA: 5s - loss: 0.3"), Bar({12, 100}));
  EXPECT_EQ(bar("\x1b[1m 7/9\x1b[0m"), std::nullopt);
  EXPECT_EQ(bar("7/9 \xe2\x94\x81\xe2\x94\x81\xe2\x94\x81 1s 2ms/step - loss: 0.1"), Bar({7, 9}));
}

TEST(Progress, What_is_no_bar_is_none) {
  for (const char* log :
       {"",
        "/",
        "1/2",
        "see /usr/bin/x | 3/4 tests",
        "2026/11/26 [INFO]",
        "|/|",
        "a%|b| x/9 [",
        "5%|#| x\n | 3/4",
        "5%| | 99999999999999999999/1 ["}) {
    EXPECT_EQ(bar(log), std::nullopt) << log;
  }
}

TEST(Progress, A_report_is_read_as_far_as_it_makes_sense) {
  const auto found =
      parse_report(R"({"step":3,"total":17,"metrics":{"loss":0.625,"n":2,"word":"x"}})");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->step, 3);
  EXPECT_EQ(found->total, 17);
  EXPECT_EQ(
      found->metrics, (std::vector<std::pair<std::string, double>>{{"loss", 0.625}, {"n", 2}}));
  EXPECT_FALSE(parse_report("{"));
  EXPECT_FALSE(parse_report("[]"));
  EXPECT_TRUE(parse_report(R"({"step":"three"})"));
}

TEST(Progress, Each_attempt_has_its_own_report) {
  const sys::TestDirectory home;
  std::ofstream(home / "progress.json") << R"({"step":1})";
  std::ofstream(home / "progress.2.json") << R"({"step":2})";
  EXPECT_EQ(read_report(home.path(), 1)->step, 1);
  EXPECT_EQ(read_report(home.path(), 2)->step, 2);
  EXPECT_FALSE(read_report(home.path(), 3));
}

}  // namespace
}  // namespace cattino::engine
