// Files that are not ours or are damaged: refused, left as they are, and set aside when the user says so.
#include "store/check.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "store/limits.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/test_support.h"

namespace cattino::store {
namespace {

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Refused as damaged, with the file as it was.
void expect_refused(const std::string& path, sys::Loop& loop) {
  const std::string bytes = content(path);
  const auto opened = Store::open(path, loop);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
  EXPECT_NE(opened.error().message.find(path), std::string::npos);
  EXPECT_NE(opened.error().hint.find("meow test --set-aside"), std::string::npos);
  EXPECT_EQ(content(path), bytes);
}

TEST_F(StoreTest, AFileThatIsNoDatabaseIsRefusedAndLeftAlone) {
  const std::string bytes(5000, 'x');
  write_file(path_, bytes);
  const auto opened = Store::open(path_, loop_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
  EXPECT_FALSE(opened.error().hint.empty());
  EXPECT_EQ(content(path_), bytes);
}

TEST_F(StoreTest, ADatabaseOfAnotherProgramIsRefusedAndLeftAlone) {
  {
    auto other = Connection::open(path_, Connection::Mode::create);
    ASSERT_TRUE(other);
    ASSERT_TRUE((*other)->execute("CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1)"));
  }
  const std::string bytes = content(path_);
  const auto opened = Store::open(path_, loop_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
  EXPECT_EQ(content(path_), bytes);
  const auto reader = Reader::open(path_);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::corrupt);
}

TEST_F(StoreTest, ADatabaseThatIsCutOffIsRefusedAndLeftAlone) {
  open();
  submit(Names(500, "a/long/name/so/that/there/are/pages"));
  store_.reset();
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  const std::string bytes = content(path_);
  const auto opened = Store::open(path_, loop_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
  EXPECT_EQ(content(path_), bytes);
}

TEST_F(StoreTest, ANewerSchemaIsRefusedAndSaysSo) {
  open();
  store_.reset();
  {
    auto newer = Connection::open(path_, Connection::Mode::create);
    ASSERT_TRUE(newer);
    ASSERT_TRUE((*newer)->execute(fmt::format("PRAGMA user_version = {}", schema_version() + 1)));
  }
  for (const Error& error : {Store::open(path_, loop_).error(), Reader::open(path_).error()}) {
    EXPECT_EQ(error.code, ErrorCode::unavailable);
    EXPECT_NE(error.message.find("newer cattino"), std::string::npos);
  }
}

TEST_F(StoreTest, ADirectoryThatIsNotThereIsAnError) {
  const auto opened = Store::open(directory_ + "/none/state.db", loop_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::system);
}

TEST_F(StoreTest, AJournalOfAnotherProgramIsNotPlayedBack) {
  {
    auto other = Connection::open(path_, Connection::Mode::create);
    ASSERT_TRUE((*other)->execute("CREATE TABLE theirs(a)"));
  }
  write_file(path_ + "-journal", "x");
  expect_refused(path_, loop_);
  EXPECT_EQ(content(path_ + "-journal"), "x");
}

TEST_F(StoreTest, ALogWithoutItsDatabaseIsRefusedAndKept) {
  open();
  submit({"a"});
  std::filesystem::copy_file(path_ + "-wal", path_ + ".copy");
  store_.reset();
  std::filesystem::rename(path_ + ".copy", path_ + "-wal");
  for (const bool is_there : {true, false}) {
    std::filesystem::remove(path_);
    if (is_there) {
      write_file(path_, "");
    }
    const std::string log = content(path_ + "-wal");
    const auto opened = Store::open(path_, loop_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
    EXPECT_EQ(content(path_ + "-wal"), log);
  }
}

class DamagedTest : public StoreTest {
 protected:
  /// A store with a table that no start reads, spoilt; too large to be looked at without a reason.
  void SetUp() override {
    open();
    submit({"a"});
    store_.reset();
    auto connection = Connection::open(path_, Connection::Mode::write);
    ASSERT_TRUE((*connection)
                    ->execute(fmt::format(
                        "INSERT INTO objects VALUES(1000, zeroblob({}))", checked_pages * 4096)));
    ASSERT_TRUE((*connection)->checkpoint(Connection::Checkpoint::truncate));
    const auto page =
        (*connection)->number("SELECT rootpage FROM sqlite_master WHERE name = 'hidden'");
    ASSERT_TRUE(page);
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((*page - 1) * 4096);
    file << std::string(4096, 'x');
  }
};

TEST_F(DamagedTest, DamageThatAWriteMeetsIsRefusedByTheNextStart) {
  Store& store = open();
  EXPECT_FALSE(store.hide(TaskId{1}));
  const Status committed = store.commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::corrupt);
  store_.reset();
  expect_refused(path_, loop_);
  expect_refused(path_, loop_);
}

TEST_F(DamagedTest, DamageIsFoundWhenItIsLookedFor) {
  open();
  const Status sound = reader().check();
  ASSERT_FALSE(sound);
  EXPECT_EQ(sound.error().code, ErrorCode::corrupt);
  store_.reset();
  expect_refused(path_, loop_);
}

TEST_F(DamagedTest, AMachineThatWentDownIsAReasonToLook) {
  open();
  ASSERT_TRUE(store_->set_fact(boot_fact, "another"));
  ASSERT_TRUE(store_->commit());
  std::filesystem::copy_file(path_ + "-wal", path_ + ".copy");
  const std::string database = content(path_);
  store_.reset();  // puts the log into the database
  write_file(path_, database);
  std::filesystem::rename(path_ + ".copy", path_ + "-wal");
  expect_refused(path_, loop_);
}

TEST_F(StoreTest, ASuspicionThatIsWrongIsForgotten) {
  open();
  submit({"a"});
  store_.reset();
  note_damage(path_, "a bit fell over");
  EXPECT_TRUE(open().task(TaskId{1}));
  EXPECT_FALSE(std::filesystem::exists(path_ + "-suspect"));
}

TEST_F(StoreTest, WhatIsSetAsideIsWholeAndUnderAnotherName) {
  write_file(path_, "damaged");
  write_file(path_ + "-wal", "log");
  const auto first = Store::set_aside(path_);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(content(*first), "damaged");
  EXPECT_EQ(content(*first + "-wal"), "log");
  write_file(path_, "again");
  const auto second = Store::set_aside(path_);
  ASSERT_TRUE(second);
  EXPECT_NE(*second, *first);
  EXPECT_EQ(content(*first), "damaged");
  open();
  submit({"a"});
}

}  // namespace
}  // namespace cattino::store
