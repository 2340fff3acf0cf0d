// What happens in a random world.
#include "sim/story.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <variant>

#include <fmt/core.h>

#include "sim/action_text.h"

namespace cattino::sim {
namespace {

using core::Action;
using core::Actions;
using core::ArmTimer;
using core::AttemptExited;
using core::Cause;
using core::CountersDeclared;
using core::Device;
using core::DeviceHealth;
using core::DeviceKind;
using core::Event;
using core::GroupChanged;
using core::GroupSpec;
using core::GroupState;
using core::HookEnded;
using core::HookKind;
using core::Hooks;
using core::Host;
using core::HostObserved;
using core::Node;
using core::Order;
using core::Paused;
using core::PlacementRule;
using core::Policy;
using core::Problem;
using core::Reason;
using core::Request;
using core::Requested;
using core::RetryPolicy;
using core::Scheduler;
using core::SubmissionEnded;
using core::Submitted;
using core::TaskChanged;
using core::TaskSpec;
using core::TaskState;
using core::Verb;
using core::When;

/// At once. Those with a task that waits for a user stay for long.
constexpr std::size_t most_submissions = 20;

Device device(std::uint16_t index, std::int64_t mib, DeviceKind kind) {
  Device made;
  made.index = index;
  made.kind = kind;
  made.total = {mib};
  made.name = fmt::format("cuda:{}", index);
  made.model = mib > 30000 ? "Large 80" : "Small 24";
  return made;
}

Host host(std::uint32_t id, const std::vector<std::int64_t>& devices, std::int64_t cores) {
  Host made;
  made.id = id;
  made.cpus = {cores * 1000};
  made.ram = {256 * 1024};
  for (const std::int64_t mib : devices) {
    made.devices.push_back(
        device(static_cast<std::uint16_t>(made.devices.size()), mib, DeviceKind::accelerator));
  }
  return made;
}

/// Two islands: devices of one are near each other.
void part(Host& host) {
  const std::size_t count = host.devices.size();
  for (std::size_t i = 0; i < count * count; ++i) {
    const std::size_t a = i / count;
    const std::size_t b = i % count;
    host.distances.push_back(a == b ? 0 : a % 2 == b % 2 ? 1 : 5);
  }
}

Request small(std::int64_t millicores, std::int64_t ram) {
  Request request;
  request.min_devices = 0;
  request.cpus = {millicores};
  request.ram = {ram};
  return request;
}

Duration seconds(Dice& dice, std::int64_t most) {
  return Duration::seconds(
      1 + static_cast<std::int64_t>(dice.below(static_cast<std::uint64_t>(most))));
}

void mix(const std::string& text, std::uint64_t& digest) {
  for (const char c : text) {
    digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;  // FNV-1a
  }
}

}  // namespace

Policy any_policy(std::uint64_t seed) {
  Dice dice(seed ^ 0x5eedULL);
  Policy policy;
  policy.order = dice.one_in(4) ? Order::critical_path : Order::submission;
  policy.reservations.depth = static_cast<std::uint32_t>(dice.below(3));
  policy.reservations.after = Duration::seconds(static_cast<std::int64_t>(dice.below(3) * 20));
  policy.reservations.backfill = policy.reservations.depth == 0 || !dice.one_in(6);
  policy.aging = dice.one_in(5) ? Duration::seconds(5) : Duration{};
  policy.shares.fair = dice.one_in(5);
  policy.shares.half_life = Duration::seconds(60);
  policy.shares.weights = {{UserId{1}, 3}};
  if (dice.one_in(3)) {
    policy.lines = {.length = 3, .short_ends = 0, .patience = Duration::seconds(4)};
  }
  const std::uint64_t rule = dice.below(8);
  policy.placement.rule = rule < 5 ? static_cast<PlacementRule>(rule) : PlacementRule::tight;
  Request whole;
  policy.placement.expected = {{whole, 2}, {small(1000, 0), 1}};
  policy.placement.largest_memory = {4 * 80000};
  policy.placement.largest_cpus = {8000};
  return policy;
}

Story::Story(Dice dice, const Policy& policy)
    : dice_(dice),
      policy_(policy),
      scheduler_(std::make_unique<Scheduler>(policy)),
      judge_(*scheduler_, policy) {
  hosts_ = {
      host(0, {24000, 24000, 48000, 80000}, 8), host(1, {16000, 16000}, 4), host(2, {32000}, 4)};
  hosts_[2].devices[0].kind = DeviceKind::cpu;
  hosts_[2].ram = {32000};
  if (dice_.one_in(3)) {
    part(hosts_[0]);
  }
  if (dice_.one_in(2)) {
    hosts_.resize(1);
  }
  counters_ = {{"licence", 3}, {"slot", 8}};
  step(CountersDeclared{counters_});
  observe_all();
}

Story::~Story() = default;

Story::Tally& Story::Tally::operator+=(const Tally& other) {
  events += other.events;
  starts += other.starts;
  retries += other.retries;
  preemptions += other.preemptions;
  timeouts += other.timeouts;
  reserved += other.reserved;
  restarts += other.restarts;
  in_lines += other.in_lines;
  recalls += other.recalls;
  return *this;
}

void Story::observe_all() {
  for (const Host& host : hosts_) {
    step(HostObserved{host});
  }
}

void Story::live(std::uint64_t events) {
  const std::uint64_t until = tally_.events + events;
  while (tally_.events < until) {
    turn();
  }
}

void Story::live_on_bytes() {
  while (dice_.bytes_left() > 0) {
    turn();
  }
}

void Story::turn() {
  now_ = now_ + Duration::milliseconds(static_cast<std::int64_t>(dice_.below(2000)));
  fire_if_due();
  happen();
  if (last_task_ > 0) {
    judge_.check_reason(any_id(), now_);
  }
  if (dice_.one_in(40)) {
    restart();
  }
}

void Story::happen() {
  switch (dice_.below(14)) {
    case 0:
    case 1:
      if (stored_.size() < most_submissions) {
        submit();
      } else {
        give_up();
      }
      break;
    case 2:
      ask();
      break;
    case 3:
      change_a_device();
      break;
    case 4:
      pause();
      break;
    case 5:
      repeat_an_old_report();
      break;
    default:
      answer_something();
  }
}

// ---- work -------------------------------------------------------------------------------------------

Request Story::any_request() {
  if (policy_.lines.length > 0 && !dice_.one_in(20)) {
    return small(-1, 0);  // lines are of one shape
  }
  Request request;
  switch (dice_.below(7)) {
    case 0:
      request.min_devices = static_cast<std::uint16_t>(1 + dice_.below(4));
      break;
    case 1:
      request.memory = {
          MemoryRequest::Kind::mib, static_cast<std::int64_t>(1000 + 1000 * dice_.below(15))};
      break;
    case 2:
      request.memory = {
          MemoryRequest::Kind::share, static_cast<std::int64_t>(100000 * (1 + dice_.below(10)))};
      break;
    case 3:
      request.memory = {MemoryRequest::Kind::mib, 4000};
      request.min_devices = 2;
      break;
    case 4:
      request = small(static_cast<std::int64_t>(500 * (1 + dice_.below(4))), 1000);
      break;
    case 5:
      request.max_devices = static_cast<std::uint16_t>(1 + dice_.below(3));
      break;
    default:
      request = small(-1, 0);
  }
  if (dice_.one_in(2)) {
    request.time_limit = seconds(dice_, 30);
  }
  if (dice_.one_in(8)) {
    request.counters = {
        {dice_.one_in(2) ? "licence" : "slot", 1 + static_cast<std::int64_t>(dice_.below(3))}};
  }
  if (dice_.one_in(10)) {
    request.pins = {dice_.one_in(2) ? "0" : "small"};
  }
  return request;
}

RetryPolicy Story::any_retry() {
  RetryPolicy retry;
  if (!dice_.one_in(3)) {
    return retry;
  }
  retry.retries = static_cast<std::uint32_t>(dice_.below(4));
  retry.on_timeout = dice_.one_in(2);
  retry.on_lost = dice_.one_in(2);
  retry.on_signal = !dice_.one_in(3);
  if (dice_.one_in(3)) {
    retry.codes = {1};
  }
  retry.backoff = Duration::seconds(static_cast<std::int64_t>(dice_.below(4)));
  retry.oom_growth_ppm = dice_.one_in(2) ? 1500000 : 0;
  return retry;
}

Hooks Story::any_hooks() {
  return dice_.one_in(4) ? Hooks{dice_.one_in(2), dice_.one_in(2)} : Hooks{};
}

TaskSpec Story::any_task(const Submitted& work) {
  TaskSpec spec;
  spec.id = {++last_task_};
  const bool grouped = !work.groups.empty() && !dice_.one_in(3);
  spec.group = grouped ? work.groups[dice_.below(work.groups.size())].id : GroupId{};
  spec.request = any_request();
  spec.priority = static_cast<std::int32_t>(dice_.below(3));
  spec.created = now_;
  spec.hooks = any_hooks();
  spec.cascade = !dice_.one_in(4);
  spec.command = !dice_.one_in(8);
  spec.preemptible = dice_.one_in(3);
  spec.user = {dice_.below(3)};
  spec.retry = any_retry();
  spec.held = dice_.one_in(20);
  spec.expected = dice_.one_in(3) ? seconds(dice_, 20) : Duration{};
  if (dice_.one_in(12)) {
    spec.not_before = now_ + seconds(dice_, 20);
  }
  return spec;
}

void Story::add_groups(Submitted& work, std::vector<Node>& nodes) {
  const std::uint64_t groups = dice_.below(4);
  for (std::uint64_t i = 0; i < groups; ++i) {
    const bool nested = !work.groups.empty() && dice_.one_in(2);
    const GroupId parent = nested ? work.groups[dice_.below(i)].id : GroupId{};
    const auto most = static_cast<std::uint32_t>(dice_.one_in(3) ? 1 + dice_.below(3) : 0);
    work.groups.push_back({{++last_group_}, parent, any_hooks(), most});
    nodes.push_back(Node::of(work.groups.back().id));
  }
}

void Story::submit() {
  Submitted work;
  work.id = {++last_submission_};
  std::vector<Node> nodes;
  add_groups(work, nodes);
  const std::uint64_t tasks = 1 + dice_.below(8);
  for (std::uint64_t i = 0; i < tasks; ++i) {
    work.tasks.push_back(any_task(work));
    nodes.push_back(Node::of(work.tasks.back().id));
  }
  add_edges(work, nodes);
  if (!scheduler_->check(work).empty()) {
    return;
  }
  Stored stored;
  stored.work = work;
  std::transform(
      work.tasks.begin(), work.tasks.end(), std::back_inserter(stored.tasks), core::first_state);
  stored.groups.resize(work.groups.size());
  stored_[work.id] = std::move(stored);
  step(work);
}

/// The user gives up on one of the submissions that wait for others, and on what these wait for.
void Story::give_up() {
  Requested request;
  auto chosen = stored_.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(dice_.below(stored_.size())));
  for (; chosen != stored_.end(); ++chosen) {
    for (const TaskSpec& task : chosen->second.work.tasks) {
      request.tasks.push_back(task.id);
    }
  }
  step(request);
}

void Story::add_edges(Submitted& work, const std::vector<Node>& nodes) {
  const std::uint64_t edges = dice_.below(2 * nodes.size());
  std::set<std::pair<Node, Node>> seen;
  for (std::uint64_t i = 0; i < edges; ++i) {
    Node from = nodes[dice_.below(nodes.size())];
    if (dice_.one_in(8) && !stored_.empty()) {
      const TaskId other = any_id();
      from = scheduler_->state(other) == nullptr ? from : Node::of(other);
    }
    const Node to = nodes[dice_.below(nodes.size())];
    const auto when = static_cast<When>(dice_.one_in(3) ? dice_.below(3) : 0);
    if (!seen.insert({from, to}).second) {
      continue;
    }
    work.edges.push_back({from, to, when});
    const std::vector<Problem> problems = scheduler_->check(work);
    if (!problems.empty() && problems[0].kind == Problem::Kind::cycle) {
      work.edges.pop_back();
    }
  }
}

// ---- wishes and faults ------------------------------------------------------------------------------

void Story::ask() {
  if (last_task_ == 0) {
    return;
  }
  Requested request;
  request.verb = static_cast<Verb>(dice_.below(4));
  if (request.verb != Verb::resume && dice_.one_in(2)) {
    request.verb = Verb::resume;
  }
  for (std::uint64_t i = 0; i <= dice_.below(4); ++i) {
    request.tasks.push_back(any_id());
  }
  step(request);
}

/// More often something goes on than stops.
void Story::pause() {
  if (paused_ ? dice_.one_in(2) : dice_.one_in(8)) {
    paused_ = !paused_;
    step(Paused{paused_});
  } else if (last_group_ > 0) {
    const std::uint64_t back = dice_.below(std::min<std::uint64_t>(last_group_, 40));
    step(Paused{dice_.one_in(3), GroupId{last_group_ - back}});
  }
}

void Story::change_a_device() {
  Host& host = hosts_[dice_.below(hosts_.size())];
  Device& device = host.devices[dice_.below(host.devices.size())];
  device.health = dice_.one_in(4) ? static_cast<DeviceHealth>(dice_.below(4)) : DeviceHealth::ok;
  device.strangers = dice_.one_in(4);
  device.used_by_others = {device.strangers ? 5000 : 0};
  step(HostObserved{host});
}

void Story::repeat_an_old_report() {
  if (last_task_ == 0) {
    return;
  }
  const TaskId task = any_id();
  const TaskState* state = scheduler_->state(task);
  const std::uint32_t attempt = state == nullptr || state->attempt == 0 ? 1 : state->attempt - 1;
  step(AttemptExited{{task, attempt}, ExitStatus::of_code(0)});
  step(HookEnded{Node::of(task), HookKind::on_end, attempt, true});
}

// ---- the core, its twin, and what an engine stores --------------------------------------------------

void Story::step(const Event& event) {
  ++tally_.events;
  told_.push_back({now_, event});
  if (counter_ != nullptr) {
    *counter_ = tally_.events;
  }
  if (tally_.events == stop_at_) {
    throw Stopped();
  }
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
  judge_.look(now_, event, actions);
  tally_.reserved += scheduler_->reservations().empty() ? 0U : 1U;
  for (const Action& action : actions) {
    mix(text(action), digest_);
    store(action);
  }
}

void Story::count(const TaskState& before, const TaskState& after) {
  tally_.starts += after.attempt > before.attempt ? 1U : 0U;
  tally_.retries += after.retries > before.retries ? 1U : 0U;
  tally_.preemptions += after.preemptions > before.preemptions ? 1U : 0U;
  tally_.in_lines += after.behind && !before.behind ? 1U : 0U;
  const bool late = after.end_requested && after.cause == Cause::timed_out;
  tally_.timeouts += late && !before.end_requested ? 1U : 0U;
}

void Story::store(const Action& action) {
  if (const auto* task = std::get_if<TaskChanged>(&action)) {
    count(slot(task->task), task->state);
    slot(task->task) = task->state;
  } else if (const auto* group = std::get_if<GroupChanged>(&action)) {
    slot(group->group) = group->state;
  } else if (const auto* timer = std::get_if<ArmTimer>(&action)) {
    timer_ = timer->at;
  } else if (const auto* ended = std::get_if<SubmissionEnded>(&action)) {
    stored_.erase(ended->submission);
  } else {
    open_[text(action)] = action;
  }
}

TaskState& Story::slot(TaskId id) {
  for (auto& [submission, stored] : stored_) {
    const std::uint64_t first = stored.work.tasks.front().id.value;
    if (id.value >= first && id.value - first < stored.tasks.size()) {
      return stored.tasks[id.value - first];
    }
  }
  throw Broken(fmt::format("task {}: a change after it has left", id.value));
}

GroupState& Story::slot(GroupId id) {
  for (auto& [submission, stored] : stored_) {
    const std::vector<GroupSpec>& groups = stored.work.groups;
    const auto found = std::find_if(
        groups.begin(), groups.end(), [id](const GroupSpec& group) { return group.id == id; });
    if (found != groups.end()) {
      return stored.groups[static_cast<std::size_t>(found - groups.begin())];
    }
  }
  throw Broken(fmt::format("group {}: a change after it has left", id.value));
}

/// All is well again, and nothing paused.
void Story::calm_down() {
  calm_ = true;
  for (Host& host : hosts_) {
    for (Device& device : host.devices) {
      device.health = DeviceHealth::ok;
      device.strangers = false;
      device.used_by_others = {};
    }
  }
  paused_ = false;
  step(Paused{false});
  for (std::uint64_t group = 1; group <= last_group_; ++group) {
    step(Paused{false, GroupId{group}});
  }
  observe_all();
}

/// What has not ended waits for the user, or for others that do.
void Story::check_end(TaskId id) const {
  const Reason::Kind kind = scheduler_->explain(id).kind;
  const bool waits_for_user = kind == Reason::Kind::lost || kind == Reason::Kind::held ||
                              kind == Reason::Kind::dependency_failed ||
                              kind == Reason::Kind::dependencies;
  const TaskState* state = scheduler_->state(id);
  if (state != nullptr && !has_ended(state->status) && !waits_for_user) {
    throw Broken(fmt::format("task {} never ends: reason {}", id.value, static_cast<int>(kind)));
  }
}

void Story::let_all_end() {
  calm_down();
  for (int i = 0; i < 100000 && answer_something(); ++i) {
    fire_if_due();
  }
  for (const auto& [id, stored] : stored_) {
    for (const TaskSpec& spec : stored.work.tasks) {
      check_end(spec.id);
    }
  }
}

}  // namespace cattino::sim
