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
