// Making a database, and reading all of one.
#include "store/testing/sample.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include <fmt/core.h>
#include <unistd.h>

#include "base/check.h"
#include "core/scheduler.h"
#include "store/codec.h"
#include "store/store.h"
#include "sys/loop.h"

namespace cattino::store::testing {

namespace {

constexpr std::uint64_t tasks_each = 100;
constexpr std::int64_t first_time = 1'769'860'800'000'000;

// ---- making

core::TaskState state_of(std::uint64_t index, bool over) {
  core::TaskState state;
  state.attempt = 1;
  state.started = Time{first_time + static_cast<std::int64_t>(index)};
  state.queued = state.started;
  if (over || index % 3 == 0) {
    state.status = index % 7 == 0 ? core::TaskStatus::failed : core::TaskStatus::done;
    state.cause = index % 7 == 0 ? core::Cause::exit : core::Cause::none;
    state.last_exit = ExitStatus::of_code(index % 7 == 0 ? 3 : 0);
    state.ended = state.started + Duration::seconds(1);
    return state;
  }
  state.status = core::TaskStatus::running;
  state.phase = core::TaskPhase::process;
  state.allocation.devices = {static_cast<std::uint16_t>(index % 4)};
  state.allocation.mib = {Mib{100}};
  state.allocation.cpus = Millicores{1000};
  return state;
}

Task task_of(const Submission& submission, std::uint64_t index) {
  Task task;
  task.spec.id = TaskId{submission.first_task.value + index};
  task.spec.created = submission.created;
  task.spec.priority = static_cast<std::int32_t>(index % 5) - 2;
  task.spec.request.memory = {MemoryRequest::Kind::mib, 100};
  if (index % 10 == 9) {
    task.spec.retry.retries = 3;
    task.spec.request.counters = {{"licence", 1}};
    task.spec.request.time_limit = Duration::seconds(60);
  }
  if (submission.group_count > 0 && index % 2 == 0) {
    task.spec.group = GroupId{submission.first_group.value + index % submission.group_count};
  }
  task.submission = submission.id;
  task.ref = static_cast<std::uint32_t>(index) + 1;
  task.name = fmt::format("task-{}", index);
  task.fullname = fmt::format("work{}/{}", submission.id.value, task.name);
  task.program.words = {fmt::format("python train.py --seed {}", index)};
  task.variables = {{"SEED", fmt::format("{}", index)}};
  return task;
}

void must(const Status& done) {
  CHECK(done);
}

class Maker {
 public:
  explicit Maker(Store& store) : store_(store) {}

  /// What became of its tasks is for the caller to say.
  Submission submit(std::uint64_t groups, bool visible) {
    Submission submission;
    submission.id = store_.next_submission();
    submission.created = Time{first_time};
    submission.key = fmt::format("key-{}", submission.id.value);
    submission.directory = "/home/me/work";
    submission.environment = store_.intern_environment({"HOME=/home/me", "PATH=/bin"}).value();
    submission.has_objects = true;
    submission.first_task = store_.reserve_tasks(tasks_each);
    submission.task_count = tasks_each;
    submission.first_group = store_.reserve_groups(groups);
    submission.group_count = groups;
    must(store_.stage(submission, "a pickle"));
    for (std::uint64_t i = 0; i < groups; ++i) {
      stage_group(submission, i);
    }
    for (std::uint64_t i = 0; i < tasks_each; ++i) {
      must(store_.stage(task_of(submission, i)));
    }
    if (visible) {
      stage_edges(submission);
      must(store_.make_visible(submission.id, "/home/me/.cache/cattino/run"));
    }
    must(store_.commit());
    return submission;
  }

  void run(const Submission& submission, std::uint64_t tasks, bool over) {
    for (std::uint64_t i = 0; i < submission.group_count; ++i) {
      const GroupId id{submission.first_group.value + i};
      must(store_.put(id, core::GroupState{core::GroupPhase::started}));
    }
    for (std::uint64_t i = 0; i < tasks; ++i) {
      const core::TaskState state = state_of(i, over);
      const TaskId id{submission.first_task.value + i};
      must(store_.put(id, state));
      Attempt attempt;
      attempt.id = {id, 1};
      attempt.started = state.started;
      attempt.ended = state.ended;
      attempt.pid = 4000 + static_cast<std::int32_t>(i);
      attempt.devices = {static_cast<std::uint16_t>(i % 4)};
      attempt.status = state.last_exit;
      must(store_.put_start(attempt));
    }
    must(store_.commit());
  }

 private:
  void stage_group(const Submission& submission, std::uint64_t index) {
    Group group;
    group.spec.id = GroupId{submission.first_group.value + index};
    group.spec.parent = index == 0 ? GroupId{} : submission.first_group;
    group.submission = submission.id;
    group.name = fmt::format("group-{}", index);
    group.fullname = fmt::format("work{}/{}", submission.id.value, group.name);
    must(store_.stage(group));
  }

  void stage_edges(const Submission& submission) {
    std::vector<core::Edge> edges;
    const std::uint64_t first = submission.first_task.value;
    for (std::uint64_t i = tasks_each / 2; i + 1 < tasks_each; i += 2) {
      const core::When when = i % 4 == 0 ? core::When::any : core::When::ok;
      edges.push_back(
          {core::Node::of(TaskId{first + i}), core::Node::of(TaskId{first + i + 1}), when});
    }
    must(store_.stage(submission.id, edges));
  }

  Store& store_;
};

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// ---- reading

std::string text_of(const Task& task) {
  Packer spec;
  pack_spec(task, spec);
  Packer details;
  pack_details(task, details);
  return fmt::format(
      "{} {} {} {}", task.spec.id.value, task.fullname, spec.bytes(), details.bytes());
}

std::string text_of(const core::TaskState& state) {
  Packer packed;
  pack_state(state, packed);
  return fmt::format("{} {} {}", static_cast<int>(state.status), state.ended.us, packed.bytes());
}

std::string text_of(const core::Restored& restored) {
  std::string text;
  for (std::size_t i = 0; i < restored.tasks.size(); ++i) {
    Task task;
    task.spec = restored.work.tasks[i];
    text += text_of(task) + text_of(restored.tasks[i]) + '\n';
  }
  for (std::size_t i = 0; i < restored.groups.size(); ++i) {
    const core::GroupSpec& spec = restored.work.groups[i];
    text += fmt::format(
        "group {} {} {}\n",
        spec.id.value,
        spec.parent.value,
        static_cast<int>(restored.groups[i].phase));
  }
  Packer edges;
  pack_edges(restored.work.edges.data(), restored.work.edges.size(), edges);
  return text + edges.bytes();
}

core::HostObserved machine() {
  core::HostObserved observed;
  core::Host& host = observed.host;
  host.cpus = Millicores{64'000};
  host.ram = Mib{100'000};
  for (std::uint16_t index = 0; index < 4; ++index) {
    core::Device device;
    device.index = index;
    device.total = Mib{24'000};
    host.devices.push_back(device);
  }
  return observed;
}

/// What the daemon does with it at its start.
Status load_live(Store& store, Contents& contents) {
  core::Scheduler scheduler;
  core::Actions actions;
  scheduler.step(Time{first_time}, machine(), actions);
  Status loaded = store.load_live([&](core::Restored restored) {
    contents.live[restored.work.id.value] = text_of(restored);
    scheduler.step(Time{first_time}, restored, actions);
  });
  if (!loaded) {
    return loaded;
  }
  scheduler.step(Time{first_time + 1}, core::TimerFired{}, actions);
  (void)scheduler.outstanding();
  return store.live_names([&contents](TaskId id, std::string_view name) {
    contents.rest.push_back(fmt::format("name {} {}", id.value, name));
  });
}

template <class T>
Status status_of(const Result<T>& result) {
  return result ? ok() : Status{result.error()};
}

/// The first that failed, if any did.
Status all_of(std::initializer_list<Status> steps) {
  const auto* const failed =
      std::find_if(steps.begin(), steps.end(), [](const Status& step) { return !step; });
  return failed == steps.end() ? ok() : *failed;
}

/// Rows one by one, and a change.
Status use(Store& store, const Contents& contents) {
  Status used = ok();
  for (const auto& [number, text] : contents.live) {
    const SubmissionId id{number};
    used = all_of(
        {used,
         status_of(store.submission(id)),
         status_of(store.objects(id)),
         status_of(store.tasks_of(id)),
         status_of(store.groups_of(id)),
         status_of(store.load(id))});
  }
  return used ? all_of({store.set_fact("touched", "yes"), store.commit()}) : used;
}

Status list(Reader& reader, Contents& contents) {
  Filter everything;
  everything.hidden = true;
  everything.limit = 10 * tasks_each;
  Result<Listing> listing = reader.list(everything);
  if (!listing) {
    return listing.error();
  }
  for (const TaskRow& row : listing->tasks) {
    contents.tasks[row.task.spec.id.value] =
        fmt::format("{} {} {} {}", text_of(row.task), text_of(row.state), row.pid, row.hidden);
  }
  for (const GroupRow& row : listing->groups) {
    contents.rest.push_back("group " + row.group.fullname);
  }
  Filter some;
  some.match = "task-.*7$";
  some.statuses = {core::TaskStatus::failed};
  return status_of(reader.list(some));
}

Status look_at(Reader& reader, TaskId task, Contents& contents) {
  Result<std::vector<Attempt>> attempts = reader.attempts(task);
  if (!attempts) {
    return attempts.error();
  }
  for (const Attempt& attempt : *attempts) {
    contents.rest.push_back(
        fmt::format("attempt {} {} {}", attempt.id.key(), attempt.pid, describe(attempt.status)));
  }
  const Result<std::pair<std::vector<core::Node>, std::vector<core::Node>>> edges =
      reader.edges_of(task);
  if (!edges) {
    return edges.error();
  }
  return status_of(reader.names(edges->first));
}

}  // namespace

MemoryDirectory::MemoryDirectory() {
  const bool in_memory = ::access("/dev/shm", W_OK) == 0;
  path_ = in_memory ? "/dev/shm" : std::filesystem::temp_directory_path().string();
  path_ += "/store-damage-XXXXXX";
  CHECK(::mkdtemp(path_.data()) != nullptr);
}

MemoryDirectory::~MemoryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Sample make_sample(const std::string& directory, bool open) {
  const std::string path = directory + "/sample.db";
  sys::Loop loop;
  std::unique_ptr<Store> store = std::move(Store::open(path, loop).value());
  CHECK(store->set_fact("boot", "a-boot"));
  Maker maker(*store);
  maker.run(maker.submit(0, true), tasks_each, true);
  maker.run(maker.submit(3, true), tasks_each / 2, false);
  Sample sample;
  if (open) {  // what went before is in the database, what follows in its log
    store.reset();
    sample.image.database = bytes_of(path);
    store = std::move(Store::open(path, loop).value());
  }
  Maker again(*store);
  again.run(again.submit(2, true), 3, false);
  again.submit(1, false);
  if (open) {
    sample.image.log = bytes_of(path + "-wal");
  } else {
    store.reset();
    sample.image.database = bytes_of(path);
  }
  store.reset();
  write_image({sample.image.database, ""}, path);
  Result<Contents> base = read_all(path);
  CHECK(base);
  sample.base = std::move(*base);
  for (const char* end : {"", "-wal", "-shm"}) {
    std::filesystem::remove(path + end);
  }
  return sample;
}

std::size_t apply(const Stroke& stroke, std::string& file) {
  if (file.empty()) {
    return 0;
  }
  const std::size_t at = stroke.place % file.size();
  const std::size_t left = file.size() - at;
  switch (stroke.kind) {
    case Stroke::Kind::set:
      file[at] = static_cast<char>(stroke.value);
      return 1;
    case Stroke::Kind::zeros: {
      const std::size_t count = std::min<std::size_t>(stroke.value, left);
      file.replace(at, count, count, '\0');
      return count;
    }
    case Stroke::Kind::cut:
      file.resize(at);
      return left;
  }
  return 0;
}

std::size_t lost(const Contents& before, const Contents& after) {
  const auto is_same = [](const auto& known, const auto& entry) {
    const auto found = known.find(entry.first);
    return found != known.end() && found->second == entry.second;
  };
  std::size_t live = 0;
  for (const auto& submission : before.live) {
    live += is_same(after.live, submission) ? 0U : 1U;
  }
  std::size_t tasks = 0;
  std::set<std::uint64_t> missing;  // submissions, by the hundred of their tasks' ids
  for (const auto& task : before.tasks) {
    if (!after.tasks.contains(task.first)) {
      missing.insert((task.first - 1) / tasks_each);
    } else {
      tasks += is_same(after.tasks, task) ? 0U : 1U;
    }
  }
  return std::max(live, tasks + missing.size());
}

void write_image(const Image& image, const std::string& path) {
  write_bytes(path, image.database);
  std::filesystem::remove(path + "-shm");
  std::filesystem::remove(path + "-wal");
  if (!image.log.empty()) {
    write_bytes(path + "-wal", image.log);
  }
}

Result<Contents> read_all(const std::string& path) {
  Contents contents;
  sys::Loop loop;
  Result<std::unique_ptr<Store>> store = Store::open(path, loop);
  if (!store) {
    return store.error();
  }
  if (Status loaded = load_live(**store, contents); !loaded) {
    return loaded.error();
  }
  const Result<std::unique_ptr<Reader>> reader = Reader::open(path);
  if (!reader) {
    return reader.error();
  }
  if (Status listed = list(**reader, contents); !listed) {
    return listed.error();
  }
  for (const std::uint64_t task : std::array<std::uint64_t, 3>{1, 107, 151}) {
    if (Status seen = look_at(**reader, TaskId{task}, contents); !seen) {
      return seen.error();
    }
  }
  if (Status used = use(**store, contents); !used) {
    return used.error();
  }
  return contents;
}

}  // namespace cattino::store::testing
