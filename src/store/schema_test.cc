// Databases of earlier versions, as their programs wrote them (tests/samples), and migrations that are
// killed.
#include "store/schema.h"

#include <csignal>
#include <ctime>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/sqlite.h"
#include "store/test_support.h"
#include "sys/processes.h"

namespace cattino::store {
namespace {

std::string sample(std::int64_t version) {
  const std::ifstream file(fmt::format("{}/state-{}.sql", CATTINO_SAMPLES, version));
  EXPECT_TRUE(file) << "each version but the present one has a sample";
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class SchemaTest : public StoreTest {
 protected:
  void make(std::int64_t version) {
    auto connection = Connection::open(path_, Connection::Mode::create);
    ASSERT_TRUE(connection);
    const Status made = (*connection)->execute(sample(version));
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_EQ(*(*connection)->number("PRAGMA user_version"), version);
  }
};

class EveryVersion : public SchemaTest, public ::testing::WithParamInterface<std::int64_t> {};

TEST_P(EveryVersion, IsBroughtUpToDateAndReadsAsItWasWritten) {
  make(GetParam());
  Store& store = open();
  const auto first = store.submission(SubmissionId{1});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->created, Time{1'700'000'000'000'000});
  EXPECT_EQ(first->key, "first");
  EXPECT_EQ(first->directory, "/home/ada/work");
  EXPECT_EQ(first->umask, 027U);
  ASSERT_EQ(first->limits.size(), 1U);
  EXPECT_EQ(first->limits[0].hard, 4096U);
  EXPECT_EQ(first->interpreter, "/usr/bin/python3");
  EXPECT_EQ(first->python_path, Names{"/home/ada/lib"});
  EXPECT_EQ(first->source, "task.py");
  EXPECT_EQ(first->run_dir, "/home/ada/.cache/cattino/2023-11-14/22-13-20");
  EXPECT_EQ(
      *store.environment(first->environment), (Names{"HOME=/home/ada", "PATH=/usr/bin:/bin"}));
  EXPECT_EQ(*store.objects(SubmissionId{1}), std::string("pickle\0bytes", 12));
  EXPECT_EQ(*store.fact("guardian"), "3f1c 17");

  const auto rows = store.tasks_of(SubmissionId{1});
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 3U);
  for (int i = 0; i < 3; ++i) {
    const TaskRow& row = rows->at(static_cast<std::size_t>(i));
    EXPECT_EQ(row.task.fullname, fmt::format("sweep/inner/t{}", i));
    EXPECT_EQ(row.task.spec.group, GroupId{2});
    EXPECT_EQ(row.task.spec.priority, 5 - i);
    EXPECT_EQ(row.task.spec.request.min_devices, 2);
    EXPECT_EQ(row.task.spec.request.memory.value, 20000);
    EXPECT_EQ(row.task.program.words, Names{fmt::format("python train.py --lr 0.{}", i)});
    EXPECT_EQ(row.task.variables.at(0).second, std::to_string(i));
    EXPECT_EQ(row.state.status, i == 0 ? core::TaskStatus::done : core::TaskStatus::failed);
    EXPECT_EQ(row.state.ended, Time{1'700'000'100'000'000 + i});
    EXPECT_EQ(row.state.last_exit, ExitStatus::of_code(i));
    EXPECT_EQ(row.pid, 4711 + i);
    EXPECT_EQ(row.hidden, i == 2);
    const auto attempts = reader().attempts(TaskId{1U + static_cast<unsigned>(i)});
    ASSERT_EQ(attempts->size(), 1U);
    EXPECT_EQ(attempts->front().status, ExitStatus::of_code(i));
    EXPECT_EQ(attempts->front().devices, (std::vector<std::uint16_t>{0, 1}));
    EXPECT_EQ(attempts->front().max_rss_kib, 1234);
  }
  EXPECT_EQ(
      reader().edges_of(TaskId{2})->first, std::vector<core::Node>{core::Node::of(TaskId{1})});
}

TEST_P(EveryVersion, GoesOnWhereItWas) {
  make(GetParam());
  Store& store = open();
  EXPECT_EQ(live(), std::vector<std::uint64_t>{2});
  const auto restored = store.load(SubmissionId{2});
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->groups.at(0).phase, core::GroupPhase::started);
  EXPECT_EQ(restored->groups.at(0).paused, GetParam() > 1);
  const core::TaskState& running = restored->tasks.at(0);
  EXPECT_EQ(running.status, core::TaskStatus::running);
  EXPECT_EQ(running.phase, core::TaskPhase::process);
  EXPECT_EQ(running.attempt, 2U);
  EXPECT_EQ(running.allocation.devices, std::vector<std::uint16_t>{1});
  EXPECT_EQ(restored->tasks.at(1).status, core::TaskStatus::waiting);
  EXPECT_EQ(store.next_submission(), SubmissionId{3});
  EXPECT_EQ(store.reserve_tasks(1), TaskId{6});
  EXPECT_EQ(*store.intern_environment({"HOME=/home/ada", "LANG=C"}), 2U);
  EXPECT_EQ(*store.intern_environment({"NEW=1"}), 3U);
  ASSERT_TRUE(store.commit());
  EXPECT_EQ(store.outdated({Time{}, 2, Time{1'800'000'000'000'000}})->size(), 1U)
      << "the ended tasks were counted";
}

INSTANTIATE_TEST_SUITE_P(Schema, EveryVersion, ::testing::Range<std::int64_t>(1, schema_version()));

// ---- kill -9

/// So large that a migration takes some milliseconds.
constexpr const char* many_rows = R"sql(
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO submissions SELECT 1000 + i, 1, 1, 0, 0, 0, 0, i, i, '', '', x'' FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO groups(id, submission, phase, spec, fullname) SELECT 1000 + i, 1000 + i, 0, x'', 'g' FROM n;
)sql";

/// Brings the database up to date in a process that is killed after `patience`. True if it was through.
bool migrate_and_kill(const std::string& path, Duration patience) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(pipe(static_cast<int*>(ends)), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto connection = Connection::open(path, Connection::Mode::write);
    (void)!write(ends[1], "", 1);
    _exit(connection && prepare_schema(**connection, false) ? 0 : 1);
  }
  char ready = 0;
  EXPECT_EQ(read(ends[0], &ready, 1), 1);
  const timespec wait{patience.us / 1'000'000, patience.us % 1'000'000 * 1000};
  const sys::Fd pidfd = sys::open_pidfd(child);
  pollfd ended{pidfd.get(), POLLIN, 0};
  ppoll(&ended, 1, &wait, nullptr);
  kill(child, SIGKILL);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  close(ends[0]);
  close(ends[1]);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(SchemaTest, AMigrationThatIsKilledLeavesOneVersionOrTheNextWhole) {
  const std::string original = path_;
  make(1);
  {
    auto connection = Connection::open(path_, Connection::Mode::write);
    ASSERT_TRUE((*connection)->execute(many_rows));
  }
  int killed = 0;
  int advanced = 0;
  bool finished = false;
  for (int round = 0; !finished && round < 400; ++round) {
    path_ = fmt::format("{}-{}", original, round);
    std::filesystem::copy_file(original, path_);
    finished = migrate_and_kill(path_, Duration{round * round * 50L});
    auto connection = Connection::open(path_, Connection::Mode::write);
    ASSERT_TRUE(connection);
    const std::int64_t version = *(*connection)->number("PRAGMA user_version");
    ASSERT_GE(version, 1);
    ASSERT_LE(version, schema_version());
    killed += finished ? 0 : 1;
    advanced += !finished && version > 1 ? 1 : 0;
    // Its columns are those of the version that it says it has.
    EXPECT_EQ(
        static_cast<bool>((*connection)->number("SELECT count(state) FROM groups")), version >= 2);
    EXPECT_EQ(
        static_cast<bool>((*connection)->number("SELECT ended_tasks FROM marks")), version >= 3);
    EXPECT_EQ(*(*connection)->number("SELECT count(*) FROM submissions"), 20002);
    EXPECT_EQ(*(*connection)->number("SELECT count(*) FROM pragma_integrity_check"), 1);
    connection->reset();
    EXPECT_EQ(open().submission(SubmissionId{1})->key, "first") << "and the next start ends it";
    store_.reset();
    std::filesystem::remove(path_);
  }
  EXPECT_TRUE(finished) << "it takes ever longer";
  EXPECT_GT(killed, 3);
  RecordProperty("advanced", advanced);
}

}  // namespace
}  // namespace cattino::store
