// What the store costs: staging and loading a million tasks, the start and end of a task, a synced
// commit, lists. CPU is that of the calling thread, which in the daemon is the deciding one.
//
//   store_bench [TASKS] [DIRECTORY]
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/store.h"
#include "sys/loop.h"

namespace cattino::store {
namespace {

std::int64_t wall_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::int64_t cpu_us() {
  struct rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

void must(const Status& status) {
  if (!status) {
    fmt::print(stderr, "store_bench: {}\n", status.error().message);
    std::exit(1);  // NOLINT(concurrency-mt-unsafe)
  }
}

/// Prints wall and CPU time a thing since it was made.
class Stopwatch {
 public:
  void report(const char* what, std::uint64_t count) const {
    const auto wall = static_cast<double>(std::max<std::int64_t>(wall_us() - wall_, 1));
    const auto cpu = static_cast<double>(cpu_us() - cpu_);
    const auto things = static_cast<double>(count);
    fmt::print(
        "{:<46} {:>9} in {:>8.3f} s  {:>11.0f}/s  {:>7.2f} us CPU each\n",
        what,
        count,
        wall / 1e6,
        things / wall * 1e6,
        cpu / things);
  }

 private:
  std::int64_t wall_ = wall_us();
  std::int64_t cpu_ = cpu_us();
};

Submission stage(Store& store, std::uint64_t count, std::uint64_t batch) {
  Submission submission;
  submission.id = store.next_submission();
  submission.created = Time{1700000000000000};
  submission.first_task = store.reserve_tasks(count);
  submission.task_count = count;
  must(store.stage(submission, ""));
  Task task;
  task.spec.created = submission.created;
  task.submission = submission.id;
  for (std::uint64_t i = 0; i < count; ++i) {
    task.spec.id = TaskId{submission.first_task.value + i};
    task.ref = static_cast<std::uint32_t>(i + 1);
    task.name = fmt::format("train-lr=0.{}", i);
    task.fullname = "sweep/" + task.name;
    task.program.words = {fmt::format("python train.py --lr 0.{} --out /data/run/{}", i, i)};
    must(store.stage(task));
    if (i % batch == batch - 1) {
      must(store.commit());
    }
  }
  return submission;
}

void stage_edges(Store& store, const Submission& submission) {
  std::vector<core::Edge> edges;
  edges.reserve(submission.task_count * 2);
  for (std::uint64_t i = 2; i < submission.task_count; ++i) {
    const std::uint64_t id = submission.first_task.value + i;
    for (const std::uint64_t before : {id - 1, id - 2}) {
      edges.push_back({core::Node::of(TaskId{before}), core::Node::of(TaskId{id})});
    }
  }
  const Stopwatch watch;
  must(store.stage(submission.id, edges));
  must(store.commit());
  watch.report("stage edges", edges.size());
}

/// `batch` starts and `batch` ends a commit, as turns of a busy daemon have them.
void start_and_end(Store& store, TaskId first, std::uint64_t count, std::uint64_t batch) {
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < count; i += batch) {
    for (std::uint64_t j = i; j < i + batch; ++j) {
      const TaskId id{first.value + j};
      core::TaskState state;
      state.status = core::TaskStatus::running;
      state.phase = core::TaskPhase::starting;
      state.attempt = 1;
      state.started = Time{1700000000000000};
      state.allocation = {0, {1}, {Mib{20000}}, false, Millicores{0}, Mib{0}};
      must(store.put(id, state));
      must(store.put_start({.id = {id, 1}, .started = state.started, .devices = {1}}));
    }
    must(store.commit());
    for (std::uint64_t j = i; j < i + batch; ++j) {
      const TaskId id{first.value + j};
      core::TaskState state;
      state.status = core::TaskStatus::done;
      state.attempt = 1;
      state.cause = core::Cause::exit;
      state.last_exit = ExitStatus::of_code(0);
      state.started = Time{1700000000000000};
      state.ended = Time{1700000001000000};
      must(store.put(id, state));
      must(store.put_end(
          {.id = {id, 1}, .ended = state.ended, .pid = 4711, .status = state.last_exit}));
    }
    must(store.commit());
  }
  watch.report(fmt::format("start and end, {} of each a commit", batch).c_str(), count);
}

void synced_commits(Store& store, sys::Loop& loop, int count) {
  const Stopwatch watch;
  int left = count;
  std::function<void(Status)> next = [&](const Status& status) {
    must(status);
    if (left-- == 0) {
      loop.stop();
      return;
    }
    must(store.set_fact("n", std::to_string(left)));
    must(store.commit());
    store.sync(next);
  };
  next(ok());
  loop.run();
  watch.report("commit and sync, one at a time", static_cast<std::uint64_t>(count));
}

/// Commits without a pause, each from the loop: what the longest took, and how far the log grew.
void never_pausing(const std::string& path, int count) {
  sys::Loop loop;
  auto opened = Store::open(path, loop);
  must(opened ? ok() : Status(opened.error()));
  Store& store = **opened;
  const Stopwatch watch;
  std::vector<std::int64_t> took_us;
  std::uintmax_t log_bytes = 0;
  const std::string value(8000, 'x');
  std::function<void()> next = [&] {
    const auto number = static_cast<int>(took_us.size());
    if (number == count) {
      loop.stop();
      return;
    }
    const std::int64_t before = wall_us();
    must(store.set_fact(std::to_string(number % 500), value));
    must(store.commit());
    took_us.push_back(wall_us() - before);
    log_bytes = std::max(log_bytes, std::filesystem::file_size(path + "-wal"));
    store.sync([&next](const Status& status) {
      must(status);
      next();
    });
  };
  loop.post(next);
  loop.run();
  watch.report("commit 8 kB and sync, never pausing", took_us.size());
  std::sort(took_us.begin(), took_us.end());
  fmt::print(
      "    p50 {} us, p99 {} us, longest {} us; log at most {} MB\n",
      took_us[took_us.size() / 2],
      took_us[took_us.size() * 99 / 100],
      took_us.back(),
      log_bytes / 1000000);
}

void small_submissions(Store& store, std::uint64_t count) {
  const Stopwatch watch;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Submission submission = stage(store, 1, 2);
    must(store.make_visible(submission.id, "/logs/run"));
    must(store.commit());
  }
  watch.report("a submission of one task, committed", count);
}

void lists(const std::string& path) {
  auto reader = Reader::open(path);
  must(reader ? ok() : Status(reader.error()));
  const auto time = [&reader](const char* what, const Filter& filter) {
    const Stopwatch watch;
    auto listing = (*reader)->list(filter);
    must(listing ? ok() : Status(listing.error()));
    watch.report(what, 1);
    fmt::print("    {} listed, {} more\n", listing->tasks.size(), listing->truncated);
  };
  time("list all", {});
  time("list what is live or ended since", {.ended_after = Time{1800000000000000}});
  time("list a group", {.fullnames = {"sweep"}});
  time("list one name", {.fullnames = {"sweep/train-lr=0.77"}});
  time("list by regular expression", {.match = "lr=0.7.*7$"});
}

void load(const std::string& path, sys::Loop& loop) {
  const Stopwatch open_watch;
  auto store = Store::open(path, loop);
  must(store ? ok() : Status(store.error()));
  open_watch.report("open", 1);
  const Stopwatch watch;
  std::uint64_t tasks = 0;
  must((*store)->load_live([&tasks](const core::Restored& each) { tasks += each.tasks.size(); }));
  watch.report("load what is live", tasks);
  const Stopwatch names_watch;
  std::uint64_t names = 0;
  must((*store)->live_names([&names](TaskId, std::string_view) { ++names; }));
  names_watch.report("names of what is live", names);
}

void run(const std::string& directory, std::uint64_t tasks) {
  const std::string path = directory + "/state.db";
  sys::Loop loop;
  auto opened = Store::open(path, loop);
  must(opened ? ok() : Status(opened.error()));
  Store& store = **opened;
  const Stopwatch watch;
  const Submission submission = stage(store, tasks, 2000);
  watch.report("stage tasks, 2000 a commit", tasks);
  stage_edges(store, submission);
  must(store.make_visible(submission.id, "/logs/run"));
  must(store.commit());
  const std::uint64_t part = std::min<std::uint64_t>(tasks / 4, 20000) / 100 * 100;
  std::uint64_t next = submission.first_task.value;
  for (const std::uint64_t batch : std::initializer_list<std::uint64_t>{1, 4, 20, 100}) {
    start_and_end(store, TaskId{next}, part, batch);
    next += part;
  }
  synced_commits(store, loop, 2000);
  small_submissions(store, 5000);
  lists(path);
  opened->reset();
  load(path, loop);
  fmt::print("database: {} MB\n", std::filesystem::file_size(path) / 1000000);
}

}  // namespace
}  // namespace cattino::store

int main(int argc, char** argv) {
  const std::uint64_t tasks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000000;
  std::string pattern = std::string(argc > 2 ? argv[2] : "/var/tmp") + "/store-bench-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    fmt::print(stderr, "store_bench: cannot make {}\n", pattern);
    return 1;
  }
  cattino::store::never_pausing(pattern + "/busy.db", 20000);
  cattino::store::run(pattern, tasks);
  std::filesystem::remove_all(pattern);
  return 0;
}
