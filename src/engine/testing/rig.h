// An engine over a real store in a private directory, with a fake supervisor and a fake probe.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/testing/fake_probe.h"
#include "engine/testing/fake_supervisor.h"
#include "engine/testing/full_disk.h"
#include "sys/loop.h"

namespace cattino::engine {

/// A task in the making: `task("train").devices(2, 20000)`.
struct TaskLine {
  Staging::NewTask task;

  TaskLine& devices(std::uint16_t count, std::int64_t mib = 0) {
    task.request.min_devices = count;
    if (mib != 0) {
      task.request.memory = {MemoryRequest::Kind::mib, mib};
    }
    return *this;
  }
  TaskLine& command(const std::string& text) {
    task.program = {store::ProgramKind::command, {text}};
    return *this;
  }
  TaskLine& hooks(bool on_start, bool on_end) {
    task.hooks = {on_start, on_end};
    task.object = 0;
    return *this;
  }
  TaskLine& function() {
    task.program = {store::ProgramKind::function, {"f()"}};
    task.object = 0;
    return *this;
  }
};

/// A task that holds no device.
inline TaskLine task(const std::string& name) {
  TaskLine line;
  line.task.name = name;
  line.task.program = {store::ProgramKind::command, {"true"}};
  line.task.request.min_devices = 0;
  return line;
}

class EngineTest : public ::testing::Test {
 public:
  EngineTest(const EngineTest&) = delete;
  EngineTest& operator=(const EngineTest&) = delete;
  ~EngineTest() override {
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }

 protected:
  EngineTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "engine-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    options_.state = directory_;
    options_.home = directory_ + "/home";
    options_.socket = directory_ + "/meow.sock";
    options_.supervisor_socket = directory_ + "/supervisor.sock";
  }

  Engine& start() {
    engine_.reset();
    auto store = store::Store::open(directory_ + "/state.db", loop_);
    EXPECT_TRUE(store) << store.error().message;
    auto started = Engine::start(
        loop_,
        options_,
        std::make_unique<FullDiskStore>(std::move(store.value()), disk_, loop_),
        std::make_unique<FakeProbe>(probe_),
        supervisor_.connect());
    EXPECT_TRUE(started) << started.error().message;
    engine_ = std::move(started.value());
    engine_->on_leave([this](int status) { left_ = status; });
    return *engine_;
  }

  void machine(devices::Inventory inventory) { probe_->set(std::move(inventory)); }

  /// Runs the loop until `done`, which is asked between turns of the loop and may ask questions itself;
  /// false after ten seconds.
  bool until(const std::function<bool()>& done) {
    for (int left = 10'000; left > 0; --left) {
      if (done()) {
        return true;
      }
      sys::Timer slice(loop_);
      slice.arm(Duration::milliseconds(1), [this] { loop_.stop(); });
      loop_.run();
    }
    return false;
  }

  /// An answer that is waited for.
  template <class T>
  Result<T> ask(const std::function<void(Answer<T>)>& question) {
    auto got = std::make_shared<std::optional<Result<T>>>();
    question([got](Result<T> result) { *got = std::move(result); });
    EXPECT_TRUE(until([&] { return got->has_value(); })) << "no answer";
    return got->has_value() ? std::move(**got) : Result<T>(Error{});
  }

  static Staging::Header header(std::size_t tasks) {
    Staging::Header header;
    header.submission.directory = "/tmp";
    header.submission.task_count = tasks;
    header.submission.interpreter = "/usr/bin/python3";
    header.environment = {"HOME=/home/me", "PATH=/usr/bin"};
    return header;
  }

  using Edges = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  Result<SubmissionView> submit(
      std::vector<TaskLine> tasks, const Edges& edges = {}, const std::string& on_conflict = "") {
    Staging::Header head = header(tasks.size());
    head.on_conflict = on_conflict;
    Result<std::unique_ptr<Staging>> staging = engine_->stage(std::move(head));
    if (!staging) {
      return staging.error();
    }
    std::uint32_t ref = 0;
    for (TaskLine& line : tasks) {
      line.task.ref = ++ref;
      if (const Status added = (*staging)->add(std::move(line.task)); !added) {
        return added.error();
      }
    }
    for (const auto& [from, to] : edges) {
      if (const Status added = (*staging)->add_edge(from, to, core::When::ok); !added) {
        return added.error();
      }
    }
    return ask<SubmissionView>([&](Answer<SubmissionView> answer) {
      (*staging)->finish(edges.size(), std::move(answer));
    });
  }

  Result<ListView> list(std::vector<std::string> names = {}) {
    return ask<ListView>([&](Answer<ListView> answer) {
      ListQuery query;
      query.selection.names = std::move(names);
      engine_->list(query, std::move(answer));
    });
  }
  TaskView view(const std::string& name) {
    Result<ListView> found = list({name});
    EXPECT_TRUE(found && found->tasks.size() == 1) << name;
    return found && !found->tasks.empty() ? found->tasks.front() : TaskView{};
  }
  core::TaskStatus status(const std::string& name) { return view(name).row.state.status; }

  Result<Outcome> request(core::Verb verb, std::vector<std::string> names) {
    return ask<Outcome>([&](Answer<Outcome> answer) {
      Selection selection;
      selection.names = std::move(names);
      engine_->request(verb, selection, std::move(answer));
    });
  }

  bool spawned(std::size_t count) {
    return until([&] { return supervisor_.spawns.size() >= count; });
  }

  static std::uint64_t key(std::uint64_t task, std::uint32_t attempt = 1) {
    return AttemptId{TaskId{task}, attempt}.key();
  }

  std::string directory_;
  sys::Loop loop_;
  Engine::Options options_;
  FakeSupervisor supervisor_{loop_};
  std::shared_ptr<ProbeState> probe_ = std::make_shared<ProbeState>(inventory_of(2, 24'000));
  std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
  std::optional<int> left_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace cattino::engine
