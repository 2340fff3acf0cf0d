// Frames: the format's bytes, round trips, and bytes that are no frames.
#include "supervisor/frame.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>

#include <gtest/gtest.h>

#include "supervisor/limits.h"

namespace cattino::supervisor {
namespace {

std::vector<ToSupervisor> requests() {
  Spawn spawn;
  spawn.key = 4711;
  spawn.environment = 3;
  spawn.variables = {"A=1", "B="};
  spawn.argv = {"sh", "-c", std::string{"echo \0", 6}};
  spawn.directory = "/tmp";
  spawn.stdout_path = "/tmp/o";
  spawn.stderr_path = "/tmp/e";
  spawn.umask = 027;
  spawn.limits = {{7, 1024, ~std::uint64_t{0}}};
  spawn.plain = true;
  spawn.after = 4710;
  spawn.bounds = {std::uint64_t{1} << 40U, 1500};
  return {
      Hello{1, Role::child},
      DefineEnvironment{5, {"PATH=/bin", "X=y"}},
      spawn,
      Stop{4711, 2, Duration::seconds(3)},
      Acknowledge{4711},
      Leave{},
      Adopt{9, 77, {4096, 1}},
      ChildExited{9, ExitStatus::of_signal(11)}};
}

std::vector<FromSupervisor> answers() {
  Exited exited{1, ExitStatus::of_stage(StartStage::executable, 2), 5, Time{-7}, 1, 2, 3};
  exited.out_of_memory = true;
  return {
      Welcome{1, "boot", 99},
      Synced{},
      Started{1, 2, Time{3}, true, true},
      exited,
      Adopted{9, true}};
}

template <class Message>
void expect_round_trip(const std::vector<Message>& messages) {
  std::string all;
  for (const Message& message : messages) {
    encode(message, all);
  }
  // Byte by byte, as the slowest network would.
  FrameReader reader;
  std::string again;
  std::size_t count = 0;
  for (const char byte : all) {
    reader.append({&byte, 1});
    Message message;
    while (reader.next(message) == FrameReader::Got::message) {
      EXPECT_EQ(message.index(), messages[count].index());
      encode(message, again);
      ++count;
    }
  }
  EXPECT_EQ(count, messages.size());
  EXPECT_EQ(again, all);
}

TEST(Frame, EveryMessageComesOutAsItWentIn) {
  expect_round_trip(requests());
  expect_round_trip(answers());
}

TEST(Frame, TheBytesAreThoseOfTheFormat) {
  std::string bytes;
  encode(ToSupervisor{Stop{0x0102, 15, Duration{5}}}, bytes);
  const std::string expected{
      "\x15\0\0\0\x04"
      "\x02\x01\0\0\0\0\0\0"
      "\x0f\0\0\0"
      "\x05\0\0\0\0\0\0\0",
      25};
  EXPECT_EQ(bytes, expected);
  bytes.clear();
  encode(FromSupervisor{Adopted{1, true}}, bytes);
  EXPECT_EQ(bytes, (std::string{"\x0a\0\0\0\x44\x01\0\0\0\0\0\0\0\x01", 14}));
}

TEST(Frame, UnknownTypesAreSkippedAndFieldsOfTheFutureIgnored) {
  std::string bytes{"\x03\0\0\0\x3fxy", 7};
  std::string stop;
  encode(ToSupervisor{Stop{1}}, stop);
  stop[0] = static_cast<char>(stop[0] + 3);
  bytes += stop + "new";
  encode(ToSupervisor{Leave{}}, bytes);
  FrameReader reader;
  reader.append(bytes);
  ToSupervisor message;
  ASSERT_EQ(reader.next(message), FrameReader::Got::message);
  EXPECT_EQ(std::get<Stop>(message).key, 1U);
  ASSERT_EQ(reader.next(message), FrameReader::Got::message);
  EXPECT_TRUE(std::holds_alternative<Leave>(message));
  EXPECT_EQ(reader.next(message), FrameReader::Got::nothing);
}

FrameReader::Got first_of(const std::string& bytes) {
  FrameReader reader;
  reader.append(bytes);
  ToSupervisor message;
  return reader.next(message);
}

/// The frame of `message` without its last `size` bytes, as somebody writes it who does not know them.
template <class Message>
std::string without_end(const Message& message, std::size_t size) {
  std::string bytes;
  encode(message, bytes);
  bytes.resize(bytes.size() - size);
  bytes[0] = static_cast<char>(bytes.size() - 4);
  return bytes;
}

TEST(Frame, FieldsThatAnOlderWriterDoesNotKnowHaveTheirDefaults) {
  Spawn spawn;
  spawn.key = 5;
  spawn.after = 4;
  spawn.log_limit = 3;
  FrameReader reader;
  constexpr std::size_t bounds_size = sizeof(std::uint64_t) + sizeof(std::uint32_t);
  reader.append(without_end(ToSupervisor{spawn}, sizeof spawn.log_limit + bounds_size));
  ToSupervisor message;
  ASSERT_EQ(reader.next(message), FrameReader::Got::message);
  EXPECT_EQ(std::get<Spawn>(message).after, 4U);
  EXPECT_EQ(std::get<Spawn>(message).log_limit, 0U);

  const std::string program = "0.1.0";
  reader.append(without_end(
      FromSupervisor{Welcome{1, "boot", 99, true, program, 7}}, 4 + program.size() + 4));
  FromSupervisor answer;
  ASSERT_EQ(reader.next(answer), FrameReader::Got::message);
  EXPECT_TRUE(std::get<Welcome>(answer).complete);
  EXPECT_EQ(std::get<Welcome>(answer).program, "");
  EXPECT_EQ(std::get<Welcome>(answer).pid, 0);

  EXPECT_EQ(first_of(without_end(ToSupervisor{spawn}, 3)), FrameReader::Got::broken)
      << "half a field is no older version";
}

TEST(Frame, ImpossibleFramesAreBroken) {
  EXPECT_EQ(first_of(std::string{"\0\0\0\0", 4}), FrameReader::Got::broken);
  EXPECT_EQ(first_of(std::string{"\x01\0\0\x7f", 4}), FrameReader::Got::broken);
  EXPECT_EQ(first_of(std::string{"\x02\0\0\0\x04\x01", 6}), FrameReader::Got::broken);
  EXPECT_EQ(first_of(std::string{"\x06\0\0\0\x01\x01\0\0\0\x07", 10}), FrameReader::Got::broken);
  // A list that claims four thousand million items.
  EXPECT_EQ(
      first_of(std::string{"\x0d\0\0\0\x02\x01\0\0\0\0\0\0\0\xff\xff\xff\xff", 17}),
      FrameReader::Got::broken);
}

/// Sets some bytes to others and cuts the end off. Where the damage begins.
std::size_t damage(std::string& bytes, std::mt19937& random) {
  std::size_t first = bytes.size();
  for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
    const std::size_t place = random() % bytes.size();
    bytes[place] = static_cast<char>(random());
    first = std::min(first, place);
  }
  bytes.resize(random() % (bytes.size() + 1));
  return std::min(first, bytes.size());
}

/// The messages that end before `size`, as frames.
template <class Message>
std::string whole_within(const std::vector<Message>& messages, std::size_t size) {
  std::string whole;
  for (const Message& message : messages) {
    std::string more = whole;
    encode(message, more);
    if (more.size() > size) {
      break;
    }
    whole = std::move(more);
  }
  return whole;
}

/// What is read, as frames of ours.
template <class Message>
std::string read_again(const std::string& bytes) {
  FrameReader reader;
  reader.append(bytes);
  Message message;
  std::string again;
  while (reader.next(message) == FrameReader::Got::message) {
    encode(message, again);
  }
  return again;
}

/// What comes before the damage is read as it was.
template <class Message>
void expect_to_stand_damage(const std::vector<Message>& messages) {
  const std::string good = whole_within(messages, SIZE_MAX);
  std::mt19937 random{12345};  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same bytes each time
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good;
    const std::size_t first = damage(bytes, random);
    const std::string again = read_again<Message>(bytes);
    EXPECT_LE(again.size(), 2 * bytes.size()) << "no more than the fields that came later";
    EXPECT_TRUE(again.starts_with(whole_within(messages, first))) << round;
  }
}

TEST(Frame, DamagedBytesNeverDoWorseThanBeingRefused) {
  expect_to_stand_damage(requests());
  expect_to_stand_damage(answers());
}

}  // namespace
}  // namespace cattino::supervisor
