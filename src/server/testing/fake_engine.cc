// The fake's side of the engine's contract: it never calls back from within a call.
#include "server/testing/fake_engine.h"

#include <utility>

#include <fmt/core.h>

namespace cattino::server::testing {

namespace {

class FakeHandle : public engine::Handle {
 public:
  explicit FakeHandle(int& count) : count_(count) { ++count_; }
  ~FakeHandle() override { --count_; }
  FakeHandle(const FakeHandle&) = delete;
  FakeHandle& operator=(const FakeHandle&) = delete;

 private:
  int& count_;
};

class FakeStaging : public engine::Staging {
 public:
  FakeStaging(sys::Loop& loop, std::shared_ptr<FakeEngine::Staged> staged)
      : loop_(loop), staged_(std::move(staged)) {}
  ~FakeStaging() override { staged_->destroyed = true; }
  FakeStaging(const FakeStaging&) = delete;
  FakeStaging& operator=(const FakeStaging&) = delete;

  Status add_objects(std::string pickle) override {
    staged_->objects = std::move(pickle);
    return ok();
  }
  Status add(NewGroup group) override {
    staged_->groups.push_back(std::move(group));
    return ok();
  }
  Status add(NewTask task) override {
    if (task.name == "engine-refuses") {
      const std::string field = fmt::format("tasks[{}].request.min_devices", staged_->tasks.size());
      return Error{ErrorCode::infeasible, "never fits", field, "ask for less"};
    }
    staged_->tasks.push_back(std::move(task));
    return ok();
  }
  Status add_edge(std::uint32_t from, std::uint32_t to, core::When /*when*/) override {
    staged_->edges.emplace_back(from, to);
    return ok();
  }
  Status flush() override {
    ++staged_->flushes;
    return ok();
  }
  void finish(std::uint64_t edges, engine::Answer<engine::SubmissionView> answer) override {
    staged_->finished = true;
    Result<engine::SubmissionView> result = Error{ErrorCode::invalid, "counts disagree", "end", {}};
    if (edges == staged_->edges.size()) {
      engine::SubmissionView view;
      view.id = SubmissionId{7};
      view.run_dir = "/run";
      view.first_task = TaskId{41};
      view.count = staged_->tasks.size();
      result = std::move(view);
    }
    loop_.post([answer = std::move(answer), result = std::move(result)] { answer(result); });
  }

 private:
  sys::Loop& loop_;
  std::shared_ptr<FakeEngine::Staged> staged_;
};

}  // namespace

engine::TaskView FakeEngine::task(std::uint64_t id, const std::string& fullname) {
  engine::TaskView view;
  view.row.task.spec.id = TaskId{id};
  view.row.task.spec.created = Time{1'769'860'800'000'000};
  view.row.task.submission = SubmissionId{7};
  view.row.task.name = fullname;
  view.row.task.fullname = fullname;
  view.row.task.program = {store::ProgramKind::argv, {"echo", "a b"}};
  view.shown = fullname;
  view.directory = "/run/" + fullname;
  return view;
}

Result<std::unique_ptr<engine::Staging>> FakeEngine::stage(engine::Staging::Header header) {
  if (error) {
    return *error;
  }
  staged.push_back(std::make_shared<Staged>());
  staged.back()->header = std::move(header);
  return std::unique_ptr<engine::Staging>{std::make_unique<FakeStaging>(loop_, staged.back())};
}

Result<std::optional<engine::SubmissionView>> FakeEngine::already_taken(const std::string& key) {
  const auto found = taken.find(key);
  return found != taken.end() ? std::optional(found->second) : std::nullopt;
}

void FakeEngine::list(engine::ListQuery query, engine::Answer<engine::ListView> answer) {
  listed = std::move(query);
  reply(answer, list_view);
}

void FakeEngine::show(
    std::string reference,
    engine::Answer<std::variant<engine::DetailView, engine::ListView>> answer) {
  shown = std::move(reference);
  std::variant<engine::DetailView, engine::ListView> view = list_view;
  if (list_view.groups.empty()) {
    view = engine::DetailView{task(41, shown), {}, {"before"}, {"after"}, {{"A", "***"}}, {}};
  }
  reply(answer, std::move(view));
}

void FakeEngine::request(
    core::Verb wanted, engine::Selection which, engine::Answer<engine::Outcome> answer) {
  verb = wanted;
  selection = std::move(which);
  reply(answer, outcome);
}

std::unique_ptr<engine::Handle> FakeEngine::wait(
    engine::WaitQuery query, engine::Answer<engine::WaitView> answer) {
  waited = std::move(query);
  wait_answer = std::move(answer);
  return std::make_unique<FakeHandle>(handles);
}

std::unique_ptr<engine::Handle> FakeEngine::follow(
    std::uint64_t after, bool with_output, std::function<void(const engine::FeedItem&)> item) {
  since = after;
  output = with_output;
  follower = std::move(item);
  return std::make_unique<FakeHandle>(handles);
}

void FakeEngine::devices(engine::Answer<engine::DevicesView> answer) {
  engine::DevicesView view;
  view.host.cpus = Millicores{8000};
  view.host.ram = Mib{64000};
  engine::DeviceView device;
  device.device.name = "cuda:0";
  device.device.total = Mib{24000};
  device.free = Mib{24000};
  view.devices.push_back(device);
  answer(view);
}

engine::HealthView FakeEngine::health() const {
  engine::HealthView view;
  view.guardian = 2;
  view.supervisor = 3;
  view.home = "/home";
  view.state = "/state";
  view.waiting = 5;
  return view;
}

Status FakeEngine::attach_host(
    SubmissionId submission, std::unique_ptr<host::Channel> new_channel) {
  if (submission.value != 7) {
    return Error{ErrorCode::not_found, "no such submission", {}, {}};
  }
  channel = std::move(new_channel);
  channel->send("welcome");
  channel->listen(
      [this](std::string_view line) {
        host_lines.emplace_back(line);
        channel->send("echo " + std::string(line));
      },
      [this] { host_closed = true; });
  return ok();
}

void FakeEngine::leave(bool keep_tasks, engine::Answer<std::uint64_t> answer) {
  kept_tasks = keep_tasks;
  reply<std::uint64_t>(answer, 2);
}

}  // namespace cattino::server::testing
