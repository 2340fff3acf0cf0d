// Packed fields come back as they were, and damaged ones are noticed.
#include "store/pack.h"

#include <cstdint>
#include <limits>
#include <vector>

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

TEST(Pack, ANumberThatDoesNotFitIsNoticed) {
  Packer out;
  out.number(256);
  out.number(1);
  Unpacker in(out.bytes());
  EXPECT_EQ(in.as<std::uint8_t>(), 0);
  EXPECT_FALSE(in.ok());
  EXPECT_TRUE(in.at_end());
  Unpacker wide("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");  // has 65 bits
  wide.number();
  EXPECT_FALSE(wide.ok());
}

TEST(Pack, AValueThatAnEnumerationDoesNotHaveIsNoticed) {
  const std::string good{"\x04\x01\x01\0\0\x02\x01\x01\0\x06\0\x14\0\0\0\0\0\0\0", 19};
  core::TaskState state;
  ASSERT_TRUE(unpack_state(good, state));
  for (const std::size_t place : {0U, 2U, 3U, 7U, 8U}) {  // phase, cause, its node, exit, stage
    std::string bad = good;
    bad[place] = 0x20;
    EXPECT_FALSE(unpack_state(bad, state)) << place;
  }
  std::vector<core::Edge> edges;
  EXPECT_TRUE(unpack_edges("\x05\x02\x04", edges));
  EXPECT_FALSE(unpack_edges("\x07\x02\x04", edges));
}

TEST(Pack, EdgesOfEveryKindComeBack) {
  const std::vector<core::Edge> edges = {
      {core::Node::of(TaskId{1}), core::Node::of(TaskId{2}), core::When::any},
      {core::Node::of(GroupId{900}), core::Node::of(TaskId{1}), core::When::fail},
      {core::Node::of(TaskId{2}), core::Node::of(GroupId{2}), core::When::ok}};
  Packer out;
  pack_edges(edges.data(), edges.size(), out);
  std::vector<core::Edge> back;
  ASSERT_TRUE(unpack_edges(out.bytes(), back));
  ASSERT_EQ(back.size(), edges.size());
  for (std::size_t i = 0; i < edges.size(); ++i) {
    EXPECT_EQ(back[i].from, edges[i].from);
    EXPECT_EQ(back[i].to, edges[i].to);
    EXPECT_EQ(back[i].when, edges[i].when);
  }
}

TEST(Pack, ANameLongerThanItsFullnameIsNoticed) {
  Group group;
  EXPECT_TRUE(unpack_group(std::string_view("\0\x01\x02\x02\x06", 5), "sweep", group));
  EXPECT_FALSE(unpack_group(std::string_view("\0\x01\x02\x02\x07", 5), "sweep", group));
}

TEST(Pack, AnInstantThatIsOutOfRangeIsNoticed) {
  core::TaskState state;
  state.queued = Time{1};
  Packer out;
  pack_state(state, out);
  std::string bytes = out.bytes();
  ASSERT_TRUE(unpack_state(bytes, state));
  bytes.back() =
      static_cast<char>(0xff);  // the difference from `started` to `queued`: nearly -2^63
  bytes += "\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  EXPECT_FALSE(unpack_state(bytes, state));
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

std::string bytes_of(std::initializer_list<std::uint8_t> values) {
  return {values.begin(), values.end()};
}

/// As the version before time limits, pins, retries and the like wrote it.
TEST(Pack, ARowOfATaskInItsFirstFormatIsRead) {
  const std::string row = bytes_of({7, 3, 0x0e, 1, 0xc0, 0xb8, 0x02, 1, 0, 9, 0xc8, 0x01});
  core::TaskSpec spec;
  SubmissionId submission;
  ASSERT_TRUE(unpack_spec(row, spec, submission));
  EXPECT_EQ(submission, SubmissionId{7});
  EXPECT_EQ(spec.request.memory, (MemoryRequest{MemoryRequest::Kind::mib, 20000}));
  EXPECT_EQ(spec.priority, -5);
  EXPECT_EQ(spec.created, Time{100});
  EXPECT_EQ(spec.request.max_devices, 0);
  EXPECT_EQ(spec.request.time_limit, Duration{});
  EXPECT_TRUE(spec.request.pins.empty());
  EXPECT_TRUE(spec.request.counters.empty());
  EXPECT_EQ(spec.retry, core::RetryPolicy{});
  EXPECT_EQ(spec.not_before, Time{});
  EXPECT_FALSE(spec.held);
  EXPECT_FALSE(spec.preemptible);
}

TEST(Pack, AStateInItsFirstFormatIsReadIntoTheFirstStateOfItsTask) {
  // phase process, held, cause exit, no node, attempt 2, requeues 1, exit code 3, not_before, started,
  // no allocation, behind nothing
  const std::string row = bytes_of({4, 1, 1, 0, 0, 2, 1, 1, 0, 6, 0, 20, 0, 0, 0, 0, 0, 0, 0});
  core::TaskSpec spec;
  spec.created = Time{5};
  core::TaskState state = core::first_state(spec);
  ASSERT_TRUE(unpack_state(row, state));
  EXPECT_EQ(state.phase, core::TaskPhase::process);
  EXPECT_TRUE(state.held);
  EXPECT_EQ(state.cause, core::Cause::exit);
  EXPECT_EQ(state.attempt, 2U);
  EXPECT_EQ(state.requeues, 1U);
  EXPECT_EQ(state.last_exit, ExitStatus::of_code(3));
  EXPECT_EQ(state.started, Time{10});
  EXPECT_EQ(state.queued, Time{5});
  EXPECT_EQ(state.retries, 0U);
  EXPECT_EQ(state.preemptions, 0U);
  EXPECT_EQ(state.raised, 0);
  EXPECT_FALSE(state.device_lost);
  EXPECT_FALSE(state.out_of_memory);
}

TEST(Pack, AGroupInItsFirstFormatIsRead) {
  const std::string row = bytes_of({0, 1, 2, 2, 6});  // parent, hooks, ref, object, name
  Group group;
  ASSERT_TRUE(unpack_group(row, "sweep", group));
  EXPECT_EQ(group.name, "sweep");
  EXPECT_EQ(group.spec.max_parallel, 0U);
  core::GroupState state;
  ASSERT_TRUE(unpack_group_state("", state));
  EXPECT_FALSE(state.paused);
  EXPECT_EQ(state.ended, Time{});
}

TEST(Pack, AStateWithoutRarePartsStaysSmall) {
  core::TaskState state;
  state.status = core::TaskStatus::running;
  state.phase = core::TaskPhase::process;
  state.attempt = 1;
  state.started = Time{1'769'860'800'000'000};
  Packer before;
  pack_state(state, before);
  state.queued = state.started - Duration::milliseconds(1);
  Packer after;
  pack_state(state, after);
  EXPECT_LE(after.bytes().size(), before.bytes().size() + 2);
}

TEST(Pack, ATaskThatIsHeldOrComesLaterIsSoBeforeItHasChanged) {
  core::TaskSpec spec;
  spec.created = Time{100};
  spec.not_before = Time{700};
  spec.held = true;
  const core::TaskState state = core::first_state(spec);
  EXPECT_TRUE(state.held);
  EXPECT_EQ(state.not_before, Time{700});
  EXPECT_EQ(state.queued, Time{700});
}

TEST(Pack, ALimitOfLogsComesBackAndCostsNothingWhereThereIsNone) {
  Task task;
  task.name = task.fullname = "train";
  Packer without;
  pack_details(task, without);
  for (const std::optional<Mib> limit : {std::optional<Mib>{}, {Mib{0}}, {Mib{100}}}) {
    task.log_limit = limit;
    Packer out;
    pack_details(task, out);
    EXPECT_EQ(out.bytes().size(), without.bytes().size() + (limit ? 1 : 0));
    Task back;
    ASSERT_TRUE(unpack_details(out.bytes(), task.fullname, back));
    EXPECT_EQ(back.log_limit, limit);
  }
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
