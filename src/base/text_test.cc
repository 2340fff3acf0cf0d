// Durations, nearest words, counts and UTF-8.
#include "base/text.h"

#include <gtest/gtest.h>

namespace cattino {
namespace {

std::int64_t ms(std::string_view text) {
  const Result<Duration> duration = parse_duration(text);
  return duration ? duration->ms() : -1;
}

TEST(ParseDuration, A_bare_number_is_seconds) {
  EXPECT_EQ(ms("90"), 90'000);
  EXPECT_EQ(ms("0"), 0);
  EXPECT_EQ(ms("0.25"), 250);
}

TEST(ParseDuration, Units_add_up_from_larger_to_smaller) {
  EXPECT_EQ(ms("90s"), 90'000);
  EXPECT_EQ(ms("1h30m"), 5'400'000);
  EXPECT_EQ(ms("1 h 30 min"), 5'400'000);
  EXPECT_EQ(ms("2d"), 172'800'000);
  EXPECT_EQ(ms("1w"), 604'800'000);
  EXPECT_EQ(ms("500ms"), 500);
  EXPECT_EQ(ms("1.5H"), 5'400'000);
}

TEST(ParseDuration, What_is_no_duration_is_refused_with_what_is_accepted) {
  for (const char* bad :
       {"", "h", "-5", "5 apples", "1h30", "30m1h", "5m5m", "1e3", "1:30", "5s!"}) {
    const Result<Duration> duration = parse_duration(bad);
    ASSERT_FALSE(duration) << bad;
    EXPECT_EQ(duration.error().code, ErrorCode::invalid);
    EXPECT_NE(duration.error().hint.find("1h30m"), std::string::npos);
  }
}

TEST(ParseDuration, More_than_a_hundred_years_is_refused) {
  EXPECT_EQ(ms("36500d"), 36500LL * 86'400'000);
  EXPECT_FALSE(parse_duration("36500d1s"));
  EXPECT_FALSE(parse_duration("999999999999w"));
  EXPECT_FALSE(parse_duration("9999999999999999999999"));
}

TEST(DescribeDuration, Takes_the_two_largest_units) {
  EXPECT_EQ(describe(Duration{0}), "0 s");
  EXPECT_EQ(describe(Duration{5}), "<1 ms");
  EXPECT_EQ(describe(Duration::milliseconds(40)), "40 ms");
  EXPECT_EQ(describe(Duration::milliseconds(450)), "0.4 s");
  EXPECT_EQ(describe(Duration::seconds(12)), "12 s");
  EXPECT_EQ(describe(Duration::seconds(185)), "3 m 05 s");
  EXPECT_EQ(describe(Duration::seconds(7800)), "2 h 10 m");
  EXPECT_EQ(describe(Duration::seconds(3 * 86400 + 4 * 3600)), "3 d 04 h");
  EXPECT_EQ(describe(Duration::seconds(-12)), "-12 s");
}

TEST(Nearest, Finds_what_was_meant_and_nothing_else) {
  const std::vector<std::string> words = {"list", "watch", "wait", "priority"};
  EXPECT_EQ(nearest("lsit", words), "list");
  EXPECT_EQ(nearest("wach", words), "watch");
  EXPECT_EQ(nearest("PRIORTIY", words), "priority");
  EXPECT_EQ(nearest("zzz", words), std::nullopt);
  EXPECT_EQ(nearest("", words), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'x'), words), std::nullopt);
}

TEST(Trimmed, Takes_spaces_off_both_ends) {
  EXPECT_EQ(trimmed(" \ta b\t "), "a b");
  EXPECT_EQ(trimmed(" \t"), "");
}

TEST(Whole, A_number_is_all_of_its_text) {
  EXPECT_EQ(parse_whole("17"), 17);
  EXPECT_EQ(parse_whole("-3"), -3);
  for (const char* text : {"", " 1", "1 ", "1.0", "x", "99999999999999999999"}) {
    EXPECT_EQ(parse_whole(text), std::nullopt) << text;
  }
}

TEST(Split, Parts_between_separators_are_trimmed_and_may_be_empty) {
  EXPECT_EQ(split("a, b ,c", ','), (std::vector<std::string_view>{"a", "b", "c"}));
  EXPECT_EQ(split("a,,", ','), (std::vector<std::string_view>{"a", "", ""}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

TEST(CountOf, Says_one_or_many) {
  EXPECT_EQ(count_of(1, "device"), "1 device");
  EXPECT_EQ(count_of(3, "device"), "3 devices");
  EXPECT_EQ(count_of(0, "process", "processes"), "0 processes");
}

TEST(IsUtf8, Accepts_what_is_and_refuses_what_is_not) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain, ünï, 名前, 🐈"));
  EXPECT_FALSE(is_utf8("\xff"));
  EXPECT_FALSE(is_utf8("\x80"));
  EXPECT_FALSE(is_utf8("\xe5\x90"));          // cut short
  EXPECT_FALSE(is_utf8("\xc0\xaf"));          // overlong
  EXPECT_FALSE(is_utf8("\xe0\x80\xaf"));      // overlong
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // beyond Unicode
}

}  // namespace
}  // namespace cattino
