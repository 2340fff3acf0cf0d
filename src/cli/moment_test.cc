// Moments as they may be written.
#include "cli/moment.h"

#include <cstdlib>
#include <ctime>

#include <gtest/gtest.h>

namespace cattino::cli {
namespace {

constexpr wire::Milliseconds now = 1'000'000'000'000;

class Moment : public ::testing::Test {
 protected:
  void SetUp() override {
    // NOLINTBEGIN(concurrency-mt-unsafe): one thread
    setenv("TZ", "XXX-02:00", 1);  // two hours east of Greenwich
    tzset();
    // NOLINTEND(concurrency-mt-unsafe)
  }

  static wire::Milliseconds at(std::string_view text) {
    const auto moment = parse_moment(text, now);
    EXPECT_TRUE(moment) << text << ": " << moment.error().message;
    return moment ? *moment : 0;
  }
};

TEST_F(Moment, may_be_so_long_from_now) {
  EXPECT_EQ(at("+2h"), now + 7'200'000);
  EXPECT_EQ(at("+1.5s"), now + 1500);
  EXPECT_EQ(at(" +90 "), now + 90'000);
}

TEST_F(Moment, is_in_local_time_unless_it_says_its_zone) {
  constexpr wire::Milliseconds eight_in_greenwich = 1'796'112'000'000;
  EXPECT_EQ(at("2026-12-01T08:00Z"), eight_in_greenwich);
  EXPECT_EQ(at("2026-12-01T10:00"), eight_in_greenwich);
  EXPECT_EQ(at("2026-12-01 10:00:30"), eight_in_greenwich + 30'000);
  EXPECT_EQ(at("2026-12-01T13:30+05:30"), eight_in_greenwich);
  EXPECT_EQ(at("2026-12-01T03:00-0500"), eight_in_greenwich);
  EXPECT_EQ(at("2026-12-01"), eight_in_greenwich - 10 * 3'600'000);
}

TEST_F(Moment, that_is_none_is_refused_with_what_is_accepted) {
  for (const char* text :
       {"",
        "tomorrow",
        "08:00",
        "2026-12",
        "2026-13-01",
        "2026-02-30T08:00",
        "2026-12-01T",
        "2026-12-01T24:00",
        "2026-12-01T08:60",
        "2026-12-01T8:00",
        "2026-12-01T08:00 or so",
        "2026-12-01T08:00+1",
        "-026-12-01",
        "+soon"}) {
    const auto moment = parse_moment(text, now);
    ASSERT_FALSE(moment) << text;
    EXPECT_EQ(moment.error().code, ErrorCode::invalid);
    EXPECT_FALSE(moment.error().hint.empty());
  }
}

}  // namespace
}  // namespace cattino::cli
