// The journal: what is read back after a death at any byte.
#include "supervisor/journal.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "supervisor/limits.h"
#include "sys/files.h"
#include "sys/test_directory.h"

namespace cattino::supervisor {
namespace {

Journal empty_journal() {
  Journal journal;
  journal.boot_id = "a-boot";
  journal.epoch = 42;
  return journal;
}

Exited an_exit(std::uint64_t key) {
  return {key, ExitStatus::of_code(3), 77, Time{1000000}, 11, 12, 13};
}

class JournalFile : public testing::Test {
 protected:
  sys::TestDirectory directory_;
  std::string path_ = directory_ / "supervisor.journal";
};

TEST_F(JournalFile, KeepsWhatIsNotAcknowledged) {
  JournalWriter writer;
  ASSERT_TRUE(writer.open(path_, empty_journal()));
  writer.intend(1);
  writer.intend(2);
  writer.spawned(2, 99);
  writer.intend(3);
  writer.spawned(3, 77);
  writer.ended(an_exit(3));
  writer.intend(4);
  writer.ended(an_exit(4));
  writer.acknowledged(4);
  writer.flush();
  const Journal journal = read_journal(path_);
  EXPECT_EQ(journal.boot_id, "a-boot");
  EXPECT_EQ(journal.epoch, 42U);
  ASSERT_EQ(journal.past.size(), 3U);
  EXPECT_TRUE(journal.past.at(1).intended_only);
  EXPECT_EQ(journal.past.at(2).pid, 99);
  EXPECT_FALSE(journal.past.at(2).ended);
  EXPECT_TRUE(journal.past.at(3).ended);
  EXPECT_EQ(journal.past.at(3).exited.status, ExitStatus::of_code(3));
  EXPECT_EQ(journal.past.at(3).exited.max_rss_kib, 13);
}

TEST_F(JournalFile, SaysWhoEndedForWantOfMemory) {
  Exited exited = an_exit(3);
  EXPECT_FALSE(parse_end_record("E 3 77 1 0 3 1000000 11 12 13")->out_of_memory);
  exited.out_of_memory = true;
  JournalWriter writer;
  ASSERT_TRUE(writer.open(path_, empty_journal()));
  writer.ended(exited);
  writer.flush();
  EXPECT_TRUE(read_journal(path_).past.at(3).exited.out_of_memory);
  EXPECT_FALSE(parse_end_record("E 3 77 1 0 3 1000000 11 12 13 2"));
}

TEST_F(JournalFile, ATornTailIsNoRecordWhereverItIsTorn) {
  JournalWriter writer;
  ASSERT_TRUE(writer.open(path_, empty_journal()));
  writer.intend(1);
  writer.spawned(1, 12345);
  writer.ended(an_exit(1));
  writer.flush();
  const Result<std::string> whole = sys::read_file(path_);
  ASSERT_TRUE(whole);
  for (std::size_t size = 0; size < whole->size(); ++size) {
    ASSERT_TRUE(sys::write_file_atomically(path_, whole->substr(0, size)));
    const Journal journal = read_journal(path_);
    if (journal.past.contains(1)) {
      const Past& past = journal.past.at(1);
      EXPECT_FALSE(past.ended) << size;
      EXPECT_TRUE(past.intended_only || past.pid == 12345) << size;
    }
  }
}

TEST_F(JournalFile, WhatIsAppendedBehindATornTailIsRead) {
  JournalWriter writer;
  ASSERT_TRUE(writer.open(path_, empty_journal()));
  writer.intend(1);
  writer.spawned(1, 77);
  writer.flush();
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 2);
  ASSERT_TRUE(append_records(path_, end_record(an_exit(1)) + end_record(an_exit(2))));
  const Journal journal = read_journal(path_);
  ASSERT_EQ(journal.past.size(), 2U);
  EXPECT_TRUE(journal.past.at(1).ended);
  EXPECT_TRUE(journal.past.at(2).ended);
}

TEST_F(JournalFile, LinesThatSayNothingKnownArePassedOver) {
  ASSERT_TRUE(sys::write_file_atomically(
      path_,
      "cattino-supervisor 1 b 7\nI 1\nX 9 9\nI\nI -3\nS 1\nS 1 -4\nE 1 2 9 0 0 0 0 0 0\n\nI 2\n"));
  const Journal journal = read_journal(path_);
  EXPECT_EQ(journal.epoch, 7U);
  EXPECT_EQ(journal.past.size(), 2U);
  EXPECT_TRUE(journal.past.at(1).intended_only);
}

/// Such numbers mean the supervisor's own descriptors in its loop.
TEST_F(JournalFile, NumbersThatAreNoKeysArePassedOver) {
  ASSERT_TRUE(sys::write_file_atomically(
      path_,
      "cattino-supervisor 1 b 7\nI 0\nI 9223372036854775808\nS 9223372036854775809 5\n"
      "E 18446744073709551615 2 1 0 0 0 0 0 0\nI 9223372036854775807\n"));
  const Journal journal = read_journal(path_);
  EXPECT_EQ(journal.past.size(), 1U);
  EXPECT_TRUE(journal.past.contains(9223372036854775807U));
}

TEST_F(JournalFile, SaysWhoHasWhichCgroup) {
  JournalWriter writer;
  Journal content = empty_journal();
  content.cgroups = "/sys/fs/cgroup/a b/cattino-8000000000000001";
  content.past[1].slot = 4;
  Past& ended = content.past[2];
  ended.ended = true;
  ended.pid = 77;
  ended.slot = 5;
  ended.exited = an_exit(2);
  ASSERT_TRUE(writer.open(path_, content));
  writer.spawned(1, 12, 4);
  writer.intend(3, 6);
  writer.spawned(3, 13);  // it could not enter it
  writer.flush();
  const Journal journal = read_journal(path_);
  EXPECT_EQ(journal.cgroups, content.cgroups);
  EXPECT_EQ(journal.past.at(1).slot, 4U);
  EXPECT_TRUE(journal.past.at(2).ended);
  EXPECT_EQ(journal.past.at(2).slot, 5U);
  EXPECT_EQ(journal.past.at(3).slot, 0U);
}

TEST_F(JournalFile, ACgroupIsTheLastOnesThatWasGivenIt) {
  JournalWriter writer;
  ASSERT_TRUE(writer.open(path_, empty_journal()));
  writer.intend(1, 4);
  writer.spawned(1, 12, 4);
  writer.ended(an_exit(1));
  writer.intend(2, 4);
  writer.flush();
  const Journal journal = read_journal(path_);
  EXPECT_EQ(journal.past.at(1).slot, 0U) << "not acknowledged, but nobody is left of it";
  EXPECT_EQ(journal.past.at(2).slot, 4U);
}

TEST_F(JournalFile, AForeignOrAbsentFileHoldsNothing) {
  EXPECT_TRUE(read_journal(path_).past.empty());
  ASSERT_TRUE(sys::write_file_atomically(path_, "I 1\n"));
  EXPECT_TRUE(read_journal(path_).past.empty());
}

TEST_F(JournalFile, OpeningAnewKeepsTheStateAndDropsTheDead) {
  JournalWriter writer;
  ASSERT_TRUE(writer.open(path_, empty_journal()));
  while (!writer.wants_compaction(0)) {
    writer.intend(5);
    writer.ended(an_exit(5));
    writer.acknowledged(5);
    writer.flush();
  }
  EXPECT_FALSE(writer.wants_compaction(journal_size_max));
  Journal content = empty_journal();
  content.past[8].intended_only = false;
  content.past[8].pid = 4;
  content.past[9];
  Past& ended = content.past[10];
  ended.ended = true;
  ended.exited = an_exit(10);
  ASSERT_TRUE(writer.open(path_, content));
  writer.acknowledged(9);
  writer.flush();
  EXPECT_LT(std::filesystem::file_size(path_), 200U);
  const Journal journal = read_journal(path_);
  EXPECT_EQ(journal.past.size(), 2U);
  EXPECT_EQ(journal.past.at(8).pid, 4);
  EXPECT_EQ(journal.past.at(10).exited.key, 10U);
}

}  // namespace
}  // namespace cattino::supervisor
