// Damaged databases: an error, or all that is undamaged; never a crash.
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include <gtest/gtest.h>

#include "base/dice.h"
#include "store/sqlite.h"
#include "store/test_support.h"
#include "store/testing/sample.h"

namespace cattino::store {
namespace {

using testing::Contents;
using testing::Image;
using testing::Sample;
using testing::Stroke;

/// One each, made when they are first needed.
const Sample& sample(bool open) {
  static const Sample closed_one = [] {
    const testing::MemoryDirectory directory;
    return testing::make_sample(directory.path(), false);
  }();
  static const Sample open_one = [] {
    const testing::MemoryDirectory directory;
    return testing::make_sample(directory.path(), true);
  }();
  return open ? open_one : closed_one;
}

Stroke any_stroke(Dice& dice, std::size_t size) {
  Stroke stroke;
  stroke.kind = dice.one_in(8)   ? Stroke::Kind::zeros
                : dice.one_in(8) ? Stroke::Kind::cut
                                 : Stroke::Kind::set;
  // Headers of pages matter most.
  constexpr std::size_t page = 4096;
  const std::size_t within = dice.below(dice.one_in(2) ? 128 : page);
  stroke.place = dice.below(size / page + 1) * page + within;
  stroke.value = static_cast<std::uint8_t>(dice.below(256));
  return stroke;
}

class Damage : public ::testing::TestWithParam<int> {};

TEST_P(Damage, OfADatabaseIsAnErrorOrLeavesWhatIsUndamaged) {
  constexpr int databases = 100;
  const testing::MemoryDirectory directory;
  const std::string path = directory.path() + "/state.db";
  Dice dice(static_cast<std::uint64_t>(GetParam()));
  int errors = 0;
  for (int i = 0; i < databases; ++i) {
    const Sample& whole = sample(dice.one_in(3));
    Image image = whole.image;
    std::size_t touched = 0;
    for (std::uint64_t strokes = 1 + dice.below(3); strokes > 0; --strokes) {
      std::string& file = image.log.empty() || dice.one_in(2) ? image.database : image.log;
      touched += testing::apply(any_stroke(dice, file.size()), file);
    }
    testing::write_image(image, path);
    const Result<Contents> contents = testing::read_all(path);
    if (contents) {
      EXPECT_LE(testing::lost(whole.base, *contents), touched) << "database " << i;
    } else {
      EXPECT_FALSE(contents.error().message.empty());
      ++errors;
    }
  }
  EXPECT_GT(errors, 0);
  EXPECT_LT(errors, databases);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Damage, ::testing::Range(1, 11));

/// Rows that no store writes, and no check of pages finds.
class DamagedRows : public StoreTest {
 protected:
  /// Two tasks in a group, one before the other.
  void submit_group() {
    open();
    Submission submission;
    submission.id = store_->next_submission();
    submission.created = Time{1000};
    submission.first_task = store_->reserve_tasks(2);
    submission.task_count = 2;
    submission.first_group = store_->reserve_groups(1);
    submission.group_count = 1;
    EXPECT_TRUE(store_->stage(submission, ""));
    Group group;
    group.spec.id = submission.first_group;
    group.submission = submission.id;
    group.name = group.fullname = "g";
    EXPECT_TRUE(store_->stage(group));
    for (std::uint64_t i = 0; i < 2; ++i) {
      Task task = task_of(submission, i, i == 0 ? "g/a" : "g/b");
      task.spec.group = submission.first_group;
      EXPECT_TRUE(store_->stage(task));
    }
    const core::Edge edge{core::Node::of(nth(submission, 0)), core::Node::of(nth(submission, 1))};
    EXPECT_TRUE(store_->stage(submission.id, {edge}));
    EXPECT_TRUE(store_->make_visible(submission.id, "/run"));
    EXPECT_TRUE(store_->put(nth(submission, 0), ended(core::TaskStatus::done, 2000)));
    EXPECT_TRUE(store_->commit());
  }

  /// What opening says after `damage` to the file.
  Error opened_after(const std::function<void(std::string&)>& damage) {
    submit_group();
    store_.reset();
    std::string bytes;
    {
      std::ifstream file(path_, std::ios::binary);
      bytes.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    damage(bytes);
    std::ofstream(path_, std::ios::binary) << bytes;
    const auto opened = Store::open(path_, loop_);
    EXPECT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
    return opened.error();
  }

  /// What loading says after `sql`.
  Error after(const std::string& sql) {
    submit_group();
    store_.reset();
    {
      auto connection = Connection::open(path_, Connection::Mode::write);
      EXPECT_TRUE(connection);
      const Status changed = (*connection)->execute(sql);
      EXPECT_TRUE(changed) << changed.error().message;
    }
    open();
    const Status loaded = store_->load_live([](const core::Restored&) {});
    EXPECT_FALSE(loaded) << sql;
    return loaded ? Error{} : loaded.error();
  }
};

TEST_F(DamagedRows, ACountThatCannotBeTrueMakesNothingLargeAndHoldsNothingUp) {
  for (const char* count : {"1152921504606846976", "-1", "90000000", "3"}) {
    const Error error = after(fmt::format("UPDATE submissions SET task_count = {}", count));
    EXPECT_EQ(error.code, ErrorCode::corrupt) << count;
    EXPECT_EQ(error.message, "the stored row of submission 1 is damaged") << count;
    store_.reset();
    for (const char* end : {"", "-wal", "-shm"}) {
      std::filesystem::remove(path_ + end);
    }
  }
}

TEST_F(DamagedRows, AListRefusesACountThatCannotBeTrue) {
  after("UPDATE submissions SET task_count = 1152921504606846976");
  const auto listing = reader().list(Filter{});
  ASSERT_FALSE(listing);
  EXPECT_EQ(listing.error().code, ErrorCode::corrupt);
}

TEST_F(DamagedRows, AStatusThatIsNoneIsNamed) {
  EXPECT_EQ(after("UPDATE states SET status = 9").message, "the stored row of task 1 is damaged");
}

TEST_F(DamagedRows, APhaseThatIsNoneIsNamed) {
  EXPECT_EQ(after("UPDATE groups SET phase = 77").message, "the stored row of group 1 is damaged");
}

TEST_F(DamagedRows, ATaskThatIsGoneIsNoticed) {
  EXPECT_EQ(after("DELETE FROM tasks WHERE id = 1").message, "the stored row of task 2 is damaged");
}

TEST_F(DamagedRows, AGroupThatIsGoneIsNoticed) {
  EXPECT_EQ(after("DELETE FROM groups").message, "the stored row of submission 1 is damaged");
}

TEST_F(DamagedRows, AnEdgeToNowhereIsNoticed) {
  // kinds task and task, from 1, to 2 + 64
  EXPECT_EQ(
      after("UPDATE edges SET edges = x'05028401'").message,
      "the stored row of the edges of submission 1 is damaged");
}

TEST_F(DamagedRows, APageThatIsZeroedIsNoticedWhenTheDatabaseIsOpened) {
  const Error error = opened_after(
      [](std::string& bytes) { bytes.replace(bytes.size() - 4096, 4096, 4096, '\0'); });
  EXPECT_NE(error.message.find("is damaged"), std::string::npos);
}

TEST_F(DamagedRows, ADeclarationThatIsAnotherIsNoticedWhenTheDatabaseIsOpened) {
  // SQLite takes it for a table whose key is no key, and gives no error.
  const Error error = opened_after([](std::string& bytes) {
    const std::string table = "CREATE TABLE attempts(\n  key INTEGER PRIMARY ";
    const std::size_t at = bytes.find(table);
    ASSERT_NE(at, std::string::npos);
    bytes[at + table.size() - 1] = '\xea';
  });
  EXPECT_NE(error.message.find("not declared as they were"), std::string::npos);
}

TEST_F(DamagedRows, AVersionThatNeverWasIsNoticedWhenTheDatabaseIsOpened) {
  constexpr std::size_t version_at = 60;  // in SQLite's header, four bytes, the highest first
  for (const char highest : {'\x84', '\0'}) {
    const Error error = opened_after([highest](std::string& bytes) {
      bytes.replace(version_at, 4, std::string{highest, 0, 0, 0});
    });
    EXPECT_NE(error.message.find("there is no schema"), std::string::npos) << error.message;
    store_.reset();
    std::filesystem::remove(path_);
  }
}

TEST_F(StoreTest, WhatWasAddedByHandDoesNoHarm) {
  open();
  store_.reset();
  {
    auto connection = Connection::open(path_, Connection::Mode::write);
    ASSERT_TRUE((*connection)->execute("CREATE INDEX mine ON attempts(started); ANALYZE"));
  }
  open();
}

}  // namespace
}  // namespace cattino::store
