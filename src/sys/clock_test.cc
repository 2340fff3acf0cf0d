// A clock that goes on, whatever becomes of the wall clock.
#include "sys/clock.h"

#include <gtest/gtest.h>

namespace cattino::sys {
namespace {

constexpr Duration hours = Duration::seconds(3 * 3600);
constexpr Duration moment = Duration::seconds(60);  // more than any test takes

bool is_near(Time left, Time right) {
  return left - right < moment && right - left < moment;
}

TEST(Clock, BeginsAtTheWallClockAndNotBeforeWhatIsKnown) {
  EXPECT_TRUE(is_near(Clock{}.now(), wall_now()));
  EXPECT_GE(Clock{wall_now() + hours}.now(), wall_now() + hours - moment);
  EXPECT_TRUE(is_near(Clock{wall_now() - hours}.now(), wall_now()));
}

TEST(Clock, GoesOnWhereAnEarlierOneWas) {
  Clock ahead;
  ahead.advance_to(ahead.now() + hours);
  const Clock after = Clock::continued(ahead.zero());
  EXPECT_EQ(after.zero(), ahead.zero());
  EXPECT_TRUE(is_near(after.now(), wall_now() + hours));
}

TEST(Clock, MovesOnlyForward) {
  Clock clock;
  const Time zero = clock.zero();
  clock.advance_to(clock.now() - hours);
  EXPECT_EQ(clock.zero(), zero);
  clock.advance_to(clock.now() + hours);
  EXPECT_GT(clock.zero(), zero);
}

TEST(Clock, UnderstandsInstantsOfAWallClockThatWasSet) {
  const Time wanted = wall_now() + moment;
  EXPECT_EQ(Clock{}.at_wall(wanted), wanted) << "as it was said, where nothing was set";
  const Clock ahead = Clock::continued(Clock{}.zero() + hours);
  EXPECT_TRUE(is_near(ahead.at_wall(wanted), wanted + hours));
  const Clock behind = Clock::continued(Clock{}.zero() - hours);
  EXPECT_TRUE(is_near(behind.at_wall(wanted), wanted - hours));
}

}  // namespace
}  // namespace cattino::sys
