// The simulated world around the core: see play.h.
#include "sim/play.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <utility>
#include <variant>

#include "core/scheduler.h"
#include "sim/timeline.h"

namespace cattino::sim {
namespace {

class Player {
 public:
  explicit Player(const Scenario& scenario)
      : scenario_(scenario),
        timeline_(scenario),
        hosts_(scenario.hosts),
        scheduler_(std::make_unique<core::Scheduler>(scenario.policy)) {}

  std::vector<std::string> run() {
    step(core::CountersDeclared{scenario_.counters});
    observe_hosts();
    std::vector<const Doing*> doings;
    for (const Doing& doing : scenario_.doings) {
      doings.push_back(&doing);
    }
    for (const Doing* doing : doings) {
      plan(epoch + doing->at, doing);
    }
    while (next()) {
    }
    tell_what_waits();
    return timeline_.lines();
  }

 private:
  using Planned = std::variant<core::Event, const Doing*>;

  void plan(Time at, Planned planned) {
    agenda_.emplace(std::pair{at, ++last_planned_}, std::move(planned));
  }

  /// The next thing that happens; false if nothing is left.
  bool next() {
    const bool timer_first = timer_ && (agenda_.empty() || timer_ < agenda_.begin()->first.first);
    if (timer_first) {
      now_ = std::max(now_, std::exchange(timer_, {}));
      step(core::TimerFired{});
      return true;
    }
    if (agenda_.empty()) {
      return false;
    }
    now_ = agenda_.begin()->first.first;
    const Planned planned = std::move(agenda_.begin()->second);
    agenda_.erase(agenda_.begin());
    if (const auto* event = std::get_if<core::Event>(&planned)) {
      step(*event);
    } else {
      carry_out(**std::get_if<const Doing*>(&planned));
    }
    return true;
  }

  void tell_what_waits() {
    for (const auto& [task, play] : scenario_.tasks) {
      const core::TaskState* state = scheduler_->state(task);
      if (state != nullptr && state->status == core::TaskStatus::waiting) {
        timeline_.why(now_, task, scheduler_->explain(task, now_));
      }
    }
  }

  // ---- what the file says -------------------------------------------------------------------------

  void carry_out(const Doing& doing) {
    switch (doing.kind) {
      case Doing::Kind::submit:
        submit(scenario_.batches[doing.batch]);
        break;
      case Doing::Kind::ask:
        ask(doing);
        break;
      case Doing::Kind::why:
        for (const TaskId task : doing.tasks) {
          timeline_.why(now_, task, scheduler_->explain(task, now_));
        }
        break;
      case Doing::Kind::pause:
        pause(doing);
        break;
      case Doing::Kind::restart:
        restart();
        break;
      case Doing::Kind::device:
        change_device(doing);
        break;
    }
  }

  void submit(core::Submitted work) {
    for (core::TaskSpec& task : work.tasks) {
      task.created = now_;
    }
    const std::vector<core::Problem> problems = scheduler_->check(work);
    if (!problems.empty()) {
      timeline_.refused(now_, problems);
      return;
    }
    for (std::size_t i = 0; i < work.tasks.size(); ++i) {
      places_[work.tasks[i].id] = {work.id, i};
    }
    for (std::size_t i = 0; i < work.groups.size(); ++i) {
      group_places_[work.groups[i].id] = {work.id, i};
    }
    core::Restored& stored = stored_[work.id];
    stored.work = work;
    std::transform(
        work.tasks.begin(), work.tasks.end(), std::back_inserter(stored.tasks), core::first_state);
    stored.groups.resize(work.groups.size());
    step(work);
  }

  void ask(const Doing& doing) {
    for (const TaskId task : doing.tasks) {
      const auto place = places_.find(task);
      if (scheduler_->state(task) == nullptr && place != places_.end()) {
        step(stored_.at(place->second.first));
      }
    }
    step(core::Requested{doing.verb, doing.tasks, core::Cause::none});
  }

  void pause(const Doing& doing) {
    if (doing.groups.empty()) {
      paused_ = doing.paused;
      step(core::Paused{paused_});
    }
    for (const GroupId group : doing.groups) {
      step(core::Paused{doing.paused, group});
    }
  }

  void change_device(const Doing& doing) {
    for (core::Host& host : hosts_) {
      const auto device =
          std::find_if(host.devices.begin(), host.devices.end(), [&doing](const auto& each) {
            return each.name == doing.device;
          });
      if (device == host.devices.end()) {
        continue;
      }
      if (doing.strangers_change) {
        device->used_by_others = doing.strangers;
        device->strangers = doing.strangers.value > 0;
      } else {
        device->health = doing.health;
      }
      step(core::HostObserved{host});
    }
  }

  void observe_hosts() {
    for (const core::Host& host : hosts_) {
      step(core::HostObserved{host});
    }
  }

  /// What runs goes on; a new core is made of what was stored.
  void restart() {
    timeline_.add(now_, "restart");
    const std::vector<core::UserShare> shares = scheduler_->shares(now_);
    scheduler_ = std::make_unique<core::Scheduler>(scenario_.policy);
    step(core::CountersDeclared{scenario_.counters});
    step(core::SharesKnown{shares});
    step(core::Paused{paused_});
    for (const auto& [id, stored] : stored_) {
      if (in_core_[id]) {
        step(stored);
      }
    }
    observe_hosts();
    for (const core::Action& action : scheduler_->outstanding()) {
      if (const auto* timer = std::get_if<core::ArmTimer>(&action)) {
        timer_ = timer->at;
      }
    }
  }

  // ---- what the core wants ------------------------------------------------------------------------

  void step(const core::Event& event) {
    if (const auto* submitted = std::get_if<core::Submitted>(&event)) {
      in_core_[submitted->id] = true;
    } else if (const auto* restored = std::get_if<core::Restored>(&event)) {
      in_core_[restored->work.id] = true;
    }
    core::Actions actions;
    scheduler_->step(now_, event, actions);
    scheduler_->check_invariants();
    for (const core::Action& action : actions) {
      std::visit([this](const auto& concrete) { follow(concrete); }, action);
    }
  }

  core::TaskState& stored_state(TaskId task) {
    const auto& [submission, place] = places_.at(task);
    return stored_.at(submission).tasks[place];
  }

  void follow(const core::TaskChanged& action) {
    core::TaskState& stored = stored_state(action.task);
    timeline_.changed(now_, action.task, stored, action.state);
    stored = action.state;
  }

  void follow(const core::GroupChanged& action) {
    const auto& [submission, place] = group_places_.at(action.group);
    stored_.at(submission).groups[place] = action.state;
  }

  void follow(const core::StartAttempt& action) {
    const TaskPlay& play = scenario_.tasks.at(action.attempt.task);
    timeline_.starts(now_, action.attempt, stored_state(action.attempt.task).allocation);
    AttemptEnd end{ExitStatus::of_code(0)};
    if (!play.exits.empty()) {
      const std::size_t attempt = action.attempt.number - 1;
      end = play.exits[std::min(attempt, play.exits.size() - 1)];
    }
    if (end.status.kind == ExitStatus::Kind::not_started) {
      plan(now_, core::AttemptExited{action.attempt, end.status});
      return;
    }
    plan(now_, core::AttemptStarted{action.attempt});
    plan(now_ + play.runs, core::AttemptExited{action.attempt, end.status, end.out_of_memory});
  }

  /// No lines here: nothing is started ahead of time.
  void follow(const core::RecallAttempt& /*action*/) {}

  /// The end by itself, planned before, may still come first: the core takes the first of the two.
  void follow(const core::StopAttempt& action) {
    const TaskPlay& play = scenario_.tasks.at(action.attempt.task);
    timeline_.add(now_, play.name + " is stopped");
    constexpr int sigterm = 15;
    plan(now_ + play.stops_in, core::AttemptExited{action.attempt, ExitStatus::of_signal(sigterm)});
  }

  void follow(const core::RunHook& action) {
    const bool of_task = action.owner.kind == core::Node::Kind::task;
    const HookPlay& play = of_task ? scenario_.tasks.at({action.owner.id}).hooks
                                   : scenario_.groups.at({action.owner.id}).hooks;
    const bool starts = action.hook == core::HookKind::on_start;
    const bool raises = starts ? play.start_raises : play.end_raises;
    timeline_.add(
        now_,
        timeline_.name_of(action.owner) + (starts ? " on_start" : " on_end") +
            (raises ? " raises" : ""));
    plan(now_ + play.takes, core::HookEnded{action.owner, action.hook, action.attempt, !raises});
  }

  void follow(const core::HurryHook& /*action*/) {}
  void follow(const core::ArmTimer& action) { timer_ = action.at; }
  void follow(const core::SubmissionEnded& action) { in_core_[action.submission] = false; }

  const Scenario& scenario_;
  Timeline timeline_;
  std::vector<core::Host> hosts_;
  std::unique_ptr<core::Scheduler> scheduler_;
  Time now_ = epoch;
  Time timer_;
  bool paused_ = false;
  std::map<std::pair<Time, std::uint64_t>, Planned> agenda_;
  std::uint64_t last_planned_ = 0;

  // What an engine would have stored.
  std::map<SubmissionId, core::Restored> stored_;
  std::map<SubmissionId, bool> in_core_;
  std::map<TaskId, std::pair<SubmissionId, std::size_t>> places_;
  std::map<GroupId, std::pair<SubmissionId, std::size_t>> group_places_;
};

}  // namespace

std::vector<std::string> play(const Scenario& scenario) {
  return Player(scenario).run();
}

std::vector<std::string> difference(
    const std::vector<std::string>& expected, const std::vector<std::string>& happened) {
  if (expected == happened) {
    return {};
  }
  // common[i][j]: the most lines that the rests from i and from j share in order.
  const std::size_t rows = expected.size();
  const std::size_t columns = happened.size();
  std::vector<std::vector<std::size_t>> common(rows + 1, std::vector<std::size_t>(columns + 1));
  for (std::size_t i = rows; i-- > 0;) {
    for (std::size_t j = columns; j-- > 0;) {
      common[i][j] = expected[i] == happened[j] ? common[i + 1][j + 1] + 1
                                                : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<std::string> lines;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < rows || j < columns) {
    if (i < rows && j < columns && expected[i] == happened[j]) {
      lines.push_back("  " + expected[i++]);
      ++j;
    } else if (j == columns || (i < rows && common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back("- " + expected[i++]);
    } else {
      lines.push_back("+ " + happened[j++]);
    }
  }
  return lines;
}

}  // namespace cattino::sim
