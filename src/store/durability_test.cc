// The store when things go wrong: full disks and crashes; and that syncs answer.
#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "store/limits.h"
#include "store/sqlite.h"
#include "store/sqlite_store.h"
#include "store/test_support.h"
#include "sys/faults.h"

namespace cattino::store {
namespace {

/// A store whose database may not grow: SQLite says that the no space left.
class FullStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    open();
    store_.reset();
    auto connection = Connection::open(path_, Connection::Mode::create);
    ASSERT_TRUE(connection);
    connection_ = connection->get();
    auto store = std::make_unique<SqliteStore>(std::move(*connection), loop_);
    ASSERT_TRUE(store->start());
    store_ = std::move(store);
  }

  void fill() { ASSERT_TRUE(connection_->execute("PRAGMA max_page_count = 1")); }
  void empty() { ASSERT_TRUE(connection_->execute("PRAGMA max_page_count = 1000000")); }

  Connection* connection_ = nullptr;
};

TEST_F(FullStoreTest, AFullDiskIsAnErrorAndNothingOfTheTransactionIsKept) {
  const Submission kept = submit({"kept"});
  fill();
  ASSERT_TRUE(store_->set_fact("small", "fits"));
  const Status failed = store_->set_fact("large", std::string(100000, 'x'));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
  EXPECT_NE(failed.error().message.find("no space left"), std::string::npos);
  EXPECT_NE(failed.error().message.find(path_), std::string::npos);
  EXPECT_FALSE(store_->set_fact("after", "refused")) << "the transaction is doomed";
  const Status committed = store_->commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::unavailable);
  EXPECT_EQ(*store_->fact("small"), "");
  EXPECT_EQ(listed({}), Names{"kept"});

  empty();
  ASSERT_TRUE(store_->set_fact("after", "taken"));
  end(nth(kept, 0), 10);
  EXPECT_EQ(*store_->fact("after"), "taken");
  EXPECT_TRUE(live().empty()) << "liveness is read again after the rollback";
}

TEST_F(FullStoreTest, ASubmissionThatLostAPieceIsRefusedAndAnotherIsNot) {
  const Submission whole = stage({"whole"});
  ASSERT_TRUE(store_->commit());
  const Submission broken = stage({"broken"});
  fill();
  ASSERT_FALSE(store_->set_fact("large", std::string(100000, 'x')));
  ASSERT_FALSE(store_->commit());
  empty();
  const Status made = store_->make_visible(broken.id, "");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::unavailable);
  ASSERT_TRUE(store_->make_visible(whole.id, ""));
  ASSERT_TRUE(store_->commit());
  EXPECT_EQ(listed({}), Names{"whole"});
  EXPECT_GT(store_->next_submission(), broken.id);
}

#ifdef CATTINO_FAULTS

/// Writes and syncs of SQLite's files fail when they are told to.
class FailingStoreTest : public StoreTest {
 protected:
  void SetUp() override { sys::use_faults(directory_); }
  void TearDown() override {
    store_.reset();  // its threads look at the folder
    sys::use_faults({});
  }

  [[nodiscard]] std::string file(const std::string& point, int pass) const {
    return fmt::format("{}/{}@{}", directory_, point, pass);
  }

  void arm(const std::string& point, int pass) const { std::ofstream(file(point, pass)).flush(); }
  [[nodiscard]] bool struck(const std::string& point) const {
    return !std::filesystem::exists(file(point, 1));
  }

  /// Both facts, of which the one needs many pages.
  Status store_both(const std::string& value) {
    (void)store_->set_fact("small", value);
    (void)store_->set_fact("large", std::string(20000, value.front()));
    return store_->commit();
  }

  void check_both(const std::string& value) {
    EXPECT_EQ(*store_->fact("small"), value);
    EXPECT_EQ(*store_->fact("large"), std::string(20000, value.front()));
  }
};

TEST_F(FailingStoreTest, OfATransactionWhoseWriteFailsNothingIsKeptAlsoAfterACrash) {
  open();
  ASSERT_TRUE(store_both("a"));
  const std::map<std::string, std::string> reasons = {
      {"store.write-full", "no space left on the disk"}, {"store.write-short", "I/O error"}};
  for (const auto& [point, reason] : reasons) {
    for (int pass = 1; pass <= 8; ++pass) {
      arm(point, pass);
      const Status failed = store_both("b");
      ASSERT_FALSE(failed) << point << pass;
      EXPECT_NE(failed.error().message.find(reason), std::string::npos) << failed.error().message;
      EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
      check_both("a");
      open_after_crash();
      check_both("a");
      ASSERT_TRUE(store_both("c"));
      open_after_crash();
      check_both("c");
      ASSERT_TRUE(store_both("a"));
    }
  }
}

TEST_F(FailingStoreTest, ALogThatCannotBeMovedIsKept) {
  for (const std::string point : {"store.sync-fails", "store.write-full", "store.write-short"}) {
    open();
    ASSERT_TRUE(store_both("a"));
    arm(point, 1);
    store_.reset();
    EXPECT_TRUE(struck(point));
    open();
    check_both("a");
  }
}

#endif

TEST_F(StoreTest, WhatWasCommittedSurvivesACrashAndWhatWasNotDoesNot) {
  Store& store = open();
  ASSERT_TRUE(store.set_fact("a", "committed"));
  ASSERT_TRUE(store.commit());
  ASSERT_TRUE(store.set_fact("a", "pending"));
  EXPECT_EQ(*open_after_crash().fact("a"), "committed");
}

TEST_F(StoreTest, WhatIsNotCommittedWhenTheStoreIsClosedIsGone) {
  ASSERT_TRUE(open().set_fact("a", "1"));
  EXPECT_EQ(*open().fact("a"), "");
}

TEST_F(StoreTest, ACommitOfNothingIsFine) {
  EXPECT_TRUE(open().commit());
}

TEST_F(StoreTest, ClosingLeavesOneFile) {
  open();
  submit({"a"});
  store_.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
}

// ---- sync

TEST_F(StoreTest, ASyncCallsBackOnTheLoopAlsoWhenNothingIsLeftToSync) {
  Store& store = open();
  ASSERT_TRUE(store.set_fact("a", "1"));
  ASSERT_TRUE(store.commit());
  int calls = 0;
  store.sync([&](const Status& first) {
    EXPECT_TRUE(first);
    ++calls;
    store.sync([&](const Status& second) {
      EXPECT_TRUE(second);
      ++calls;
      loop_.stop();
    });
    EXPECT_EQ(calls, 1) << "never from within";
  });
  EXPECT_EQ(calls, 0) << "never from within";
  loop_.run();
  EXPECT_EQ(calls, 2);
}

TEST_F(StoreTest, SyncsAnswerInTheirOrder) {
  Store& store = open();
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(store.set_fact("a", std::to_string(i)));
    ASSERT_TRUE(store.commit());
    store.sync([&, i](const Status& synced) {
      EXPECT_TRUE(synced);
      order.push_back(i);
      if (i == 4) {
        loop_.stop();
      }
    });
  }
  loop_.run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(StoreTest, ASyncWhoseLogIsGoneFailsAndSoDoAllLaterOnes) {
  Store& store = open();
  ASSERT_TRUE(store.set_fact("a", "1"));
  ASSERT_TRUE(store.commit());
  std::filesystem::remove(path_ + "-wal");
  store.sync([&](const Status& first) {
    EXPECT_FALSE(first);
    store.sync([&](const Status& second) {
      EXPECT_FALSE(second);
      loop_.stop();
    });
  });
  loop_.run();
}

TEST_F(StoreTest, AStoreMayBeClosedWhileASyncIsUnderWay) {
  Store& store = open();
  bool called = false;
  ASSERT_TRUE(store.set_fact("a", "1"));
  ASSERT_TRUE(store.commit());
  store.sync([&called](const Status& /*synced*/) { called = true; });
  store_.reset();
  loop_.post([this] { loop_.stop(); });
  loop_.run();
  EXPECT_FALSE(called);
}

TEST_F(StoreTest, ALogThatGrowsIsMovedIntoTheDatabaseMeanwhile) {
  open();
  store_.reset();
  auto writer = Connection::open(path_, Connection::Mode::write);
  ASSERT_TRUE(writer);
  (*writer)->wait_when_busy(0);
  const std::string value(4096 * static_cast<std::size_t>(checkpoint_pages), 'x');
  Statement put(**writer, "INSERT INTO facts VALUES('a', ?)");
  ASSERT_TRUE(put.with(std::string_view(value)).run());
  const auto before = std::filesystem::file_size(path_);
  {
    Durability durability(path_, loop_);
    durability.committed((*writer)->log_pages());
  }  // waits for what it began
  EXPECT_GT(std::filesystem::file_size(path_), before + value.size() / 2);
}

}  // namespace
}  // namespace cattino::store
