// Packed fields come back as they were, and damaged ones are noticed.
#include "store/pack.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "store/codec.h"

namespace cattino::store {
namespace {

TEST(Pack, NumbersOfEverySizeComeBack) {
  Packer out;
  for (unsigned bit = 0; bit < 64; ++bit) {
    out.number(std::uint64_t{1} << bit);
    out.number((std::uint64_t{1} << bit) - 1);
  }
  Unpacker in(out.bytes());
  for (unsigned bit = 0; bit < 64; ++bit) {
    EXPECT_EQ(in.number(), std::uint64_t{1} << bit);
    EXPECT_EQ(in.number(), (std::uint64_t{1} << bit) - 1);
  }
  EXPECT_TRUE(in.ok());
  EXPECT_TRUE(in.at_end());
}

TEST(Pack, SignedNumbersComeBack) {
  Packer out;
  const std::int64_t values[] = {
      0,
      -1,
      1,
      -64,
      64,
      std::numeric_limits<std::int64_t>::min(),
      std::numeric_limits<std::int64_t>::max()};
  for (const std::int64_t value : values) {
    out.difference(value);
  }
  Unpacker in(out.bytes());
  for (const std::int64_t value : values) {
    EXPECT_EQ(in.difference(), value);
  }
}

TEST(Pack, FieldsThatAnOlderProgramDidNotWriteAreEmpty) {
  Packer out;
  out.number(7);
  Unpacker in(out.bytes());
  EXPECT_EQ(in.number(), 7U);
  EXPECT_EQ(in.number(), 0U);
  EXPECT_EQ(in.text(), "");
  EXPECT_TRUE(in.ok());
}

TEST(Pack, ATextThatIsCutOffIsNoticed) {
  Packer out;
  out.text("hello");
  Unpacker in(std::string_view(out.bytes()).substr(0, 3));
  EXPECT_EQ(in.text(), "");
  EXPECT_FALSE(in.ok());
}

TEST(Pack, ANumberThatIsCutOffIsNoticed) {
  Packer out;
  out.number(1U << 20U);
  Unpacker in(std::string_view(out.bytes()).substr(0, 2));
  in.number();
  EXPECT_FALSE(in.ok());
}

TEST(Pack, ACountThatCannotBeTrueMakesNothingLarge) {
  Packer out;
  out.number(std::uint64_t{1} << 60U);
  Unpacker in(out.bytes());
  EXPECT_TRUE(in.texts().empty());
  EXPECT_FALSE(in.ok());
}

TEST(Pack, ARowOfATaskKeepsItsFirstFormat) {
  Task task;
  task.submission.value = 7;
  task.spec.group.value = 3;
  task.spec.hooks.on_end = true;
  task.spec.request.memory = {MemoryRequest::Kind::mib, 20000};
  task.spec.priority = -5;
  task.spec.created.us = 100;
  Packer out;
  pack_spec(task, out);
  const std::uint8_t golden[] = {7, 3, 0x0e, 1, 0xc0, 0xb8, 0x02, 1, 0, 9, 0xc8, 0x01};
  EXPECT_EQ(out.bytes(), std::string(reinterpret_cast<const char*>(golden), sizeof golden));
}

TEST(Pack, ANameThatIsNotTheEndOfItsFullnameComesBack) {
  Task task;
  task.name = "other";
  task.fullname = "group/train";
  Packer out;
  pack_details(task, out);
  Task back;
  ASSERT_TRUE(unpack_details(out.bytes(), task.fullname, back));
  EXPECT_EQ(back.name, "other");
  EXPECT_EQ(back.fullname, "group/train");
}

}  // namespace
}  // namespace cattino::store
