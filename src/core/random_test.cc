// A seeded random world: work, faults and wishes in any order. The invariants hold after every step,
// a restart at any point gives the state that was there, and when faults stop all work ends.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/dice.h"
#include "core/test_text.h"
#include "core/test_world.h"

namespace cattino::core {
namespace {

/// What an engine would keep: submissions, the last stored states, and effects without an answer.
class Story {
 public:
  explicit Story(std::uint64_t seed, const Policy& policy = {})
      : dice_(seed), policy_(policy), scheduler_(std::make_unique<Scheduler>(policy)) {
    observe_all();
  }

  void live(int steps) {
    for (int i = 0; i < steps; ++i) {
      now_ = now_ + Duration::milliseconds(static_cast<std::int64_t>(dice_.below(2000)));
      something_happens();
      if (dice_.one_in(40)) {
        restart();
      }
    }
  }

  /// No more faults, no more wishes: everything that can end does.
  [[nodiscard]] int held() const { return held_; }
  [[nodiscard]] int recalls() const { return recalls_; }

  void let_all_end() {
    calm_ = true;
    for (Host& host : hosts_) {
      for (Device& device : host.devices) {
        device.health = DeviceHealth::ok;
        device.strangers = false;
        device.used_by_others = {};
      }
    }
    step(Paused{false});
    paused_ = false;
    observe_all();
    for (int i = 0; i < 100000 && answer_something(); ++i) {
    }
    for (const auto& [id, stored] : stored_) {
      for (const TaskState& state : stored.tasks) {
        const bool stuck = state.status == TaskStatus::waiting;
        EXPECT_TRUE(has_ended(state.status) || stuck) << "nothing runs for ever";
      }
      for (const TaskSpec& spec : stored.work.tasks) {
        check_stuck(spec.id);
      }
    }
  }

 private:
  using Stored = Restored;

  void check_stuck(TaskId id) {
    const TaskState* state = scheduler_->state(id);
    if (state == nullptr || state->status != TaskStatus::waiting) {
      return;
    }
    const Reason::Kind kind = scheduler_->explain(id).kind;
    EXPECT_TRUE(
        kind == Reason::Kind::lost || kind == Reason::Kind::dependency_failed ||
        kind == Reason::Kind::dependencies)
        << static_cast<int>(kind);
  }

  // ---- the world ----------------------------------------------------------------------------------

  void observe_all() {
    if (hosts_.empty()) {
      hosts_ = {
          box({24000, 24000, 48000, 80000}, 8, 0), box({16000, 16000}, 4, 1), cpu_box(32000, 2)};
      hosts_[2].id = 2;
      if (dice_.one_in(3)) {
        hosts_.resize(1);
      }
    }
    for (const Host& host : hosts_) {
      step(HostObserved{host});
    }
  }

  void something_happens() {
    switch (dice_.below(12)) {
      case 0:
      case 1:
        submit();
        break;
      case 2:
        ask();
        break;
      case 3:
        change_a_device();
        break;
      case 4:
        if (dice_.one_in(4)) {
          paused_ = !paused_;
          step(Paused{paused_});
        }
        break;
      case 5:
        repeat_an_old_report();
        break;
      default:
        answer_something();
    }
  }

  Request any_request() {
    if (policy_.lines.length > 0 && !dice_.one_in(20)) {
      return no_device();  // lines are of one shape
    }
    switch (dice_.below(6)) {
      case 0:
        return whole(static_cast<std::uint16_t>(1 + dice_.below(3)));
      case 1:
        return memory(static_cast<std::int64_t>(1000 + 1000 * dice_.below(15)));
      case 2:
        return share(static_cast<std::int64_t>(100000 * (1 + dice_.below(10))));
      case 3:
        return memory(4000, 2);
      case 4:
        return no_device(static_cast<std::int64_t>(500 * (1 + dice_.below(4))), 1000);
      default:
        return no_device();
    }
  }

  Hooks any_hooks() { return dice_.one_in(3) ? Hooks{dice_.one_in(2), dice_.one_in(2)} : Hooks{}; }

  void submit() {
    Stored stored;
    Submitted& work = stored.work;
    work.id = {++last_submission_};
    std::vector<Node> nodes;
    const std::uint64_t groups = dice_.below(4);
    for (std::uint64_t i = 0; i < groups; ++i) {
      const bool nested = !work.groups.empty() && dice_.one_in(2);
      const GroupId parent = nested ? work.groups[dice_.below(i)].id : GroupId{};
      work.groups.push_back({{++last_group_}, parent, any_hooks()});
      nodes.push_back(Node::of(work.groups.back().id));
    }
    const std::uint64_t tasks = 1 + dice_.below(8);
    for (std::uint64_t i = 0; i < tasks; ++i) {
      TaskSpec spec;
      spec.id = {++last_task_};
      spec.group = groups > 0 && !dice_.one_in(3) ? work.groups[dice_.below(groups)].id : GroupId{};
      spec.request = any_request();
      spec.priority = static_cast<std::int32_t>(dice_.below(3));
      spec.created = now_;
      spec.hooks = any_hooks();
      spec.cascade = !dice_.one_in(4);
      spec.command = !dice_.one_in(8);
      work.tasks.push_back(spec);
      nodes.push_back(Node::of(spec.id));
    }
    add_edges(work, nodes);
    const std::vector<Problem> problems = scheduler_->check(work);
    if (!problems.empty()) {
      return;
    }
    stored.tasks.resize(work.tasks.size());
    stored.groups.resize(work.groups.size());
    const Submitted copy = work;
    stored_[work.id] = std::move(stored);
    step(copy);
  }

  void add_edges(Submitted& work, const std::vector<Node>& nodes) {
    const std::uint64_t edges = dice_.below(2 * nodes.size());
    for (std::uint64_t i = 0; i < edges; ++i) {
      Node from = nodes[dice_.below(nodes.size())];
      if (dice_.one_in(8) && !stored_.empty()) {
        from = Node::of(TaskId{1 + dice_.below(last_task_)});
        if (scheduler_->state(TaskId{from.id}) == nullptr) {
          continue;
        }
      }
      const auto when = static_cast<When>(dice_.one_in(3) ? dice_.below(3) : 0);
      work.edges.push_back({from, nodes[dice_.below(nodes.size())], when});
      if (std::any_of(work.edges.begin(), work.edges.end() - 1, [&work](const Edge& edge) {
            return edge.from == work.edges.back().from && edge.to == work.edges.back().to;
          })) {
        work.edges.pop_back();
      }
      const std::vector<Problem> problems = scheduler_->check(work);
      if (!problems.empty() && problems[0].kind == Problem::Kind::cycle) {
        work.edges.pop_back();
      }
    }
  }

  void ask() {
    if (last_task_ == 0) {
      return;
    }
    Requested request;
    request.verb = static_cast<Verb>(dice_.below(4));
    if (request.verb != Verb::resume && dice_.one_in(2)) {
      request.verb = Verb::resume;
    }
    for (std::uint64_t i = 0; i <= dice_.below(4); ++i) {
      request.tasks.push_back({1 + dice_.below(last_task_)});
    }
    step(request);
  }

  void change_a_device() {
    Host& host = hosts_[dice_.below(hosts_.size())];
    Device& device = host.devices[dice_.below(host.devices.size())];
    device.health = dice_.one_in(4) ? static_cast<DeviceHealth>(dice_.below(4)) : DeviceHealth::ok;
    device.strangers = dice_.one_in(4);
    device.used_by_others = {device.strangers ? 5000 : 0};
    step(HostObserved{host});
  }

  void repeat_an_old_report() {
    if (last_task_ == 0) {
      return;
    }
    const TaskId task{1 + dice_.below(last_task_)};
    const TaskState* state = scheduler_->state(task);
    const std::uint32_t attempt = state == nullptr ? 1 : state->attempt - 1;
    step(AttemptExited{{task, attempt}, ExitStatus::of_code(0)});
    step(HookEnded{Node::of(task), HookKind::on_end, attempt, true});
  }

  /// One of the outstanding effects is answered, or the timer fires. False if there is none.
  bool answer_something() {
    if (open_.empty()) {
      if (!timer_) {
        return false;
      }
      now_ = std::max(now_, timer_);
      step(TimerFired{});
      return true;
    }
    auto chosen = open_.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(dice_.below(open_.size())));
    const Action action = chosen->second;
    const auto* recall = std::get_if<RecallAttempt>(&action);
    if (recall != nullptr) {
      open_.erase(chosen);
      answer(*recall);
    } else if (const auto* start = std::get_if<StartAttempt>(&action)) {
      if (is_held(start->attempt)) {
        return true;  // it begins when the one in front is gone
      }
      if (dice_.one_in(2)) {
        step(AttemptStarted{start->attempt});
      } else {
        open_.erase(chosen);
        exit(start->attempt);
      }
    } else if (const auto* stop = std::get_if<StopAttempt>(&action)) {
      open_.erase(chosen);
      exit(stop->attempt);
    } else if (const auto* hook = std::get_if<RunHook>(&action)) {
      open_.erase(chosen);
      const bool ok = calm_ || !dice_.one_in(6);
      step(HookEnded{hook->owner, hook->hook, hook->attempt, ok});
    }
    return true;
  }

  bool is_held(AttemptId attempt) const {
    const TaskState* state = scheduler_->state(attempt.task);
    return state != nullptr && state->attempt == attempt.number && state->behind;
  }

  void answer(const RecallAttempt& recall) {
    if (!is_held(recall.attempt)) {
      return;  // it had begun
    }
    open_.erase(text(StartAttempt{recall.attempt}));
    --starts_[recall.attempt.key()];
    ++recalls_;
    step(AttemptRecalled{recall.attempt});
  }

  void exit(AttemptId attempt) {
    open_.erase(text(StartAttempt{attempt}));
    ++ends_[attempt.key()];
    ExitStatus status = ExitStatus::of_code(0);
    if (!calm_) {
      const std::uint64_t kind = dice_.below(10);
      status = kind == 0   ? ExitStatus::of_code(1)
               : kind == 1 ? ExitStatus::of_code(100)
               : kind == 2 ? ExitStatus::of_lost()
               : kind == 3 ? ExitStatus::of_signal(9)
                           : status;
    }
    step(AttemptExited{attempt, status});
  }

  // ---- the core, its twin, and what an engine stores ----------------------------------------------

  void step(const Event& event) {
    Actions actions;
    scheduler_->step(now_, event, actions);
    scheduler_->check_invariants();
    if (twin_ != nullptr) {
      Actions same;
      twin_->step(now_, event, same);
      twin_->check_invariants();
      compare(actions, same);
      if (--twin_steps_ == 0) {
        twin_.reset();
      }
    }
    for (const Action& action : actions) {
      store(action);
    }
  }

  static void compare(const Actions& actions, const Actions& same) {
    Lines left;
    Lines right;
    for (const Action& action : actions) {
      left.push_back(text(action));
    }
    for (const Action& action : same) {
      // A restarted core arms its timer anew.
      right.push_back(text(action));
    }
    const auto is_timer = [](const std::string& line) {
      return line.rfind("timer", 0) == 0;
    };
    left.erase(std::remove_if(left.begin(), left.end(), is_timer), left.end());
    right.erase(std::remove_if(right.begin(), right.end(), is_timer), right.end());
    ASSERT_EQ(left, right) << "a restored core decides as the one that never stopped";
  }

  void store(const Action& action) {
    if (const auto* task = std::get_if<TaskChanged>(&action)) {
      check_start(task->task, task->state);
      slot(task->task) = task->state;
    } else if (const auto* group = std::get_if<GroupChanged>(&action)) {
      slot(group->group) = group->state;
    } else if (const auto* timer = std::get_if<ArmTimer>(&action)) {
      timer_ = timer->at;
    } else if (const auto* ended = std::get_if<SubmissionEnded>(&action)) {
      check_ended(stored_.at(ended->submission));
      stored_.erase(ended->submission);
    } else {
      if (const auto* start = std::get_if<StartAttempt>(&action)) {
        EXPECT_EQ(++starts_[start->attempt.key()], 1) << "an attempt starts once";
        held_ += is_held(start->attempt) ? 1 : 0;
      }
      open_[text(action)] = action;
    }
  }

  /// A task that begins to run: its prerequisites must be satisfied.
  void check_start(TaskId id, const TaskState& state) {
    const TaskState& before = slot(id);
    if (state.status != TaskStatus::running || before.status == TaskStatus::running) {
      return;
    }
    EXPECT_EQ(state.attempt, before.attempt + 1);
    for (const auto& [submission, stored] : stored_) {
      for (const Edge& edge : stored.work.edges) {
        if (edge.to != Node::of(id) || edge.from.kind != Node::Kind::task) {
          continue;
        }
        const TaskState* from = scheduler_->state(TaskId{edge.from.id});
        ASSERT_NE(from, nullptr);
        EXPECT_TRUE(has_ended(from->status));
        const bool ok = from->status == TaskStatus::done;
        EXPECT_TRUE(edge.when == When::any || ok == (edge.when == When::ok));
      }
    }
  }

  static void check_ended(const Stored& stored) {
    for (const TaskState& state : stored.tasks) {
      EXPECT_TRUE(has_ended(state.status));
      EXPECT_TRUE(state.allocation.devices.empty());
    }
  }

  TaskState& slot(TaskId id) {
    for (auto& [submission, stored] : stored_) {
      const std::uint64_t first = stored.work.tasks.front().id.value;
      if (id.value >= first && id.value - first < stored.tasks.size()) {
        return stored.tasks[id.value - first];
      }
    }
    ADD_FAILURE() << "a change of a task that has left";
    return nowhere_;
  }

  GroupState& slot(GroupId id) {
    for (auto& [submission, stored] : stored_) {
      for (std::size_t i = 0; i < stored.groups.size(); ++i) {
        if (stored.work.groups[i].id == id) {
          return stored.groups[i];
        }
      }
    }
    ADD_FAILURE() << "a change of a group that has left";
    return no_group_;
  }

  /// A second core is made of what was stored. From then on both are told the same for a while.
  void restart() {
    step(TimerFired{});  // so that both have seen the present
    auto fresh = std::make_unique<Scheduler>(policy_);
    Actions none;
    const bool hosts_first =
        dice_.one_in(2) || policy_.lines.length > 0;  // a pause would recall lines
    if (paused_ || !hosts_first) {
      fresh->step(now_, Paused{true}, none);
    }
    for (const Host& host : hosts_) {
      if (hosts_first) {
        fresh->step(now_, HostObserved{host}, none);
      }
    }
    for (const auto& [id, stored] : stored_) {
      fresh->step(now_, stored, none);
    }
    EXPECT_TRUE(none.empty()) << "restoring causes no action";
    none.clear();
    for (const Host& host : hosts_) {
      if (!hosts_first) {
        fresh->step(now_, HostObserved{host}, none);
      }
    }
    for (const Action& action : none) {
      EXPECT_TRUE(std::holds_alternative<ArmTimer>(action)) << text(action);
    }
    none.clear();
    fresh->step(now_, Paused{paused_}, none);
    for (const Action& action : none) {
      EXPECT_TRUE(std::holds_alternative<ArmTimer>(action)) << text(action);
    }
    fresh->check_invariants();
    compare_with(*fresh);
    twin_ = std::move(fresh);
    twin_steps_ = 30;
    if (dice_.one_in(2)) {
      scheduler_.swap(twin_);
    }
  }

  void compare_with(const Scheduler& fresh) const {
    EXPECT_EQ(fresh.counts().waiting, scheduler_->counts().waiting);
    EXPECT_EQ(fresh.counts().running, scheduler_->counts().running);
    EXPECT_EQ(fresh.counts().ready, scheduler_->counts().ready);
    const Actions left = scheduler_->outstanding();
    const Actions right = fresh.outstanding();
    ASSERT_EQ(left.size(), right.size());
    for (std::size_t i = 0; i < left.size(); ++i) {
      EXPECT_EQ(text(left[i]), text(right[i]));
    }
    for (const auto& [id, stored] : stored_) {
      for (const TaskSpec& spec : stored.work.tasks) {
        EXPECT_EQ(text(*fresh.state(spec.id)), text(*scheduler_->state(spec.id)));
        const Reason a = fresh.explain(spec.id);
        const Reason b = scheduler_->explain(spec.id);
        EXPECT_EQ(a.kind, b.kind);
        EXPECT_EQ(a.nodes, b.nodes);
        EXPECT_EQ(a.fitting, b.fitting);
      }
    }
  }

  Dice dice_;
  Policy policy_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Scheduler> twin_;
  int twin_steps_ = 0;
  Time now_{1000000};
  bool paused_ = false;
  bool calm_ = false;
  std::vector<Host> hosts_;
  std::map<SubmissionId, Stored> stored_;
  std::map<std::string, Action> open_;
  std::map<std::uint64_t, int> starts_;
  std::map<std::uint64_t, int> ends_;
  Time timer_;
  std::uint64_t last_task_ = 0;
  std::uint64_t last_group_ = 0;
  std::uint64_t last_submission_ = 0;
  int held_ = 0;
  int recalls_ = 0;
  TaskState nowhere_;
  GroupState no_group_;
};

TEST(RandomWorld, KeepsItsInvariantsSurvivesRestartsAndEnds) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Story story(seed);
    story.live(300);
    story.let_all_end();
    if (::testing::Test::HasFailure()) {
      return;
    }
  }
}

TEST(RandomWorld, KeepsItsInvariantsWithLines) {
  int held = 0;
  int recalls = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Policy policy;
    policy.lines = {.length = 3, .short_ends = 0, .patience = Duration::seconds(4)};
    policy.order = seed % 2 == 0 ? Order::critical_path : Order::submission;
    Story story(seed, policy);
    story.live(300);
    story.let_all_end();
    held += story.held();
    recalls += story.recalls();
    if (::testing::Test::HasFailure()) {
      return;
    }
  }
  EXPECT_GT(held, 200);
  EXPECT_GT(recalls, 50);
}

}  // namespace
}  // namespace cattino::core
