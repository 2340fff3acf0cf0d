// Amounts: what is accepted, what is refused, and how they read.
#include "base/amounts.h"

#include <gtest/gtest.h>

namespace cattino {
namespace {

std::int64_t mib(std::string_view text) {
  const Result<Mib> amount = parse_mib(text);
  return amount ? amount->value : -1;
}

MemoryRequest request(std::string_view text) {
  const Result<MemoryRequest> parsed = parse_memory_request(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : MemoryRequest{MemoryRequest::Kind::mib, -1};
}

TEST(ParseMib, A_bare_number_is_MiB) {
  EXPECT_EQ(mib("20000"), 20000);
  EXPECT_EQ(mib("0"), 0);
}

TEST(ParseMib, Units_alone_or_with_iB_are_powers_of_two) {
  EXPECT_EQ(mib("20GiB"), 20480);
  EXPECT_EQ(mib("24G"), 24 * 1024);
  EXPECT_EQ(mib("512MiB"), 512);
  EXPECT_EQ(mib("2048k"), 2);
  EXPECT_EQ(mib("1TiB"), 1024 * 1024);
}

TEST(ParseMib, Units_with_B_are_powers_of_ten_rounded_down) {
  EXPECT_EQ(mib("20GB"), 19073);
  EXPECT_EQ(mib("1TB"), 953674);
  EXPECT_EQ(mib("1048576B"), 1);
}

TEST(ParseMib, Case_and_spaces_are_free) {
  EXPECT_EQ(mib(" 20 gib "), 20480);
  EXPECT_EQ(mib("20gB"), 19073);
}

TEST(ParseMib, Fractions_are_exact) {
  EXPECT_EQ(mib("1.5GiB"), 1536);
  EXPECT_EQ(mib("0.1TiB"), 104857);
  EXPECT_EQ(mib("1.5"), 1);
}

TEST(ParseMib, What_is_no_amount_is_refused_with_what_is_accepted) {
  for (const char* bad : {"", "GiB", "-5", "20X", "20 GiB extra", "1e3", ".", "0x10", "٣"}) {
    const Result<Mib> amount = parse_mib(bad);
    ASSERT_FALSE(amount) << bad;
    EXPECT_EQ(amount.error().code, ErrorCode::invalid);
    EXPECT_NE(amount.error().hint.find("20GiB"), std::string::npos);
  }
}

TEST(ParseMib, Too_much_and_too_little_are_refused) {
  EXPECT_FALSE(parse_mib("99999999999999999999"));
  EXPECT_FALSE(parse_mib("9999999999TiB"));
  EXPECT_FALSE(parse_mib("500KB"));
  EXPECT_FALSE(parse_mib("0.5MiB"));
}

TEST(ParseMemoryRequest, Nothing_and_zero_ask_for_the_whole_device) {
  for (const char* text : {"", " ", "0", "0.0", "0%", "0GiB"}) {
    EXPECT_EQ(request(text), MemoryRequest{}) << text;
  }
}

TEST(ParseMemoryRequest, Numbers_are_MiB_and_fractions_are_shares) {
  EXPECT_EQ(request("20000"), (MemoryRequest{MemoryRequest::Kind::mib, 20000}));
  EXPECT_EQ(request("1"), (MemoryRequest{MemoryRequest::Kind::mib, 1}));
  EXPECT_EQ(request("20GiB"), (MemoryRequest{MemoryRequest::Kind::mib, 20480}));
  EXPECT_EQ(request("0.5"), (MemoryRequest{MemoryRequest::Kind::share, 500000}));
  EXPECT_EQ(request("1.0"), (MemoryRequest{MemoryRequest::Kind::share, 1000000}));
  EXPECT_EQ(request("50%"), (MemoryRequest{MemoryRequest::Kind::share, 500000}));
  EXPECT_EQ(request("12.5 %"), (MemoryRequest{MemoryRequest::Kind::share, 125000}));
  EXPECT_EQ(request("100%"), (MemoryRequest{MemoryRequest::Kind::share, 1000000}));
}

TEST(ParseMemoryRequest, Shares_over_the_whole_or_too_small_are_refused) {
  for (const char* bad : {"1.5", "101%", "100.5%", "0.0000001", "-0.5", "half", "50%%"}) {
    const Result<MemoryRequest> parsed = parse_memory_request(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_NE(parsed.error().hint.find("50%"), std::string::npos);
  }
}

TEST(DescribeMib, Has_at_most_four_significant_digits) {
  EXPECT_EQ(describe(Mib{0}), "0 MiB");
  EXPECT_EQ(describe(Mib{3100}), "3100 MiB");
  EXPECT_EQ(describe(Mib{24576}), "24.0 GiB");
  EXPECT_EQ(describe(Mib{81559}), "79.6 GiB");
  EXPECT_EQ(describe(Mib{1024 * 1024}), "1024 GiB");
  EXPECT_EQ(describe(Mib{20LL * 1024 * 1024}), "20.0 TiB");
  EXPECT_EQ(describe(Mib{-24576}), "-24.0 GiB");
}

TEST(DescribeMib, Rounds_down_so_that_what_is_short_never_reads_as_enough) {
  EXPECT_EQ(describe(Mib{24575}), "23.9 GiB");
}

}  // namespace
}  // namespace cattino
