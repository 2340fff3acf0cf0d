// What only the core knows, added to views.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "core/counters.h"
#include "engine/paths.h"
#include "engine/presenter.h"
#include "engine/reasons.h"

namespace cattino::engine {

namespace {

constexpr std::size_t shown_tasks = 100;

}  // namespace

std::optional<ReasonView> LiveViews::why(TaskId task) {
  const core::TaskState* state = world_.core.state(task);
  if (state == nullptr || state->status != core::TaskStatus::waiting) {
    return std::nullopt;
  }
  if (!world_.inventory_known) {
    ReasonView view;
    view.kind = "devices";
    view.text = "the devices of this machine are not known yet";
    return view;
  }
  Wording wording = words();
  wording.terms = world_.core.terms(task);
  wording.self = state;
  return describe_wait(
      world_.core.explain(task, forecasts_ ? world_.clock.now() : Time{}), wording);
}

Wording LiveViews::words() {
  Wording wording;
  wording.name = [this](core::Node node) {
    const auto [at, is_new] = names_.try_emplace(node);
    if (is_new) {
      at->second = world_.fullname_of(node);
    }
    return at->second;
  };
  wording.device = [this](std::uint16_t index) {
    return world_.device_name(index);
  };
  wording.look = [this](std::uint16_t index) -> const core::Device* {
    const auto& devices = world_.inventory.host.devices;
    return index < devices.size() ? &devices[index] : nullptr;
  };
  wording.state = [this](TaskId id) {
    return world_.core.state(id);
  };
  wording.members = [this](GroupId group) {
    return world_.core.members(group);
  };
  wording.reserved = [this](TaskId id) -> std::optional<core::Scheduler::Reserved> {
    const auto all = world_.core.reservations();
    const auto at = std::find_if(
        all.begin(), all.end(), [id](const core::Scheduler::Reserved& r) { return r.task == id; });
    return at == all.end() ? std::nullopt : std::optional(*at);
  };
  wording.holders = [this](const core::Reason& reason) {
    return holders_of(reason);
  };
  wording.host = &world_.inventory.host;
  wording.now = world_.clock.now();
  return wording;
}

/// Those of many waiting tasks are mostly the same.
const std::vector<Holder>& LiveViews::holders_of(const core::Reason& reason) {
  const auto [at, is_new] = holders_.try_emplace({reason.kind, reason.counter});
  std::vector<Holder>& holders = at->second;
  if (!is_new) {
    return holders;
  }
  for (const auto& [task, running] : world_.running) {
    const std::int64_t amount = held_by(task, reason);
    if (amount > 0) {
      holders.push_back({task, amount});
    }
  }
  std::sort(holders.begin(), holders.end(), [](const Holder& a, const Holder& b) {
    return std::pair(b.amount, a.task) < std::pair(a.amount, b.task);
  });
  return holders;
}

std::int64_t LiveViews::held_by(TaskId task, const core::Reason& reason) const {
  const core::TaskState* state = world_.core.state(task);
  if (state == nullptr || !core::holds_resources(*state)) {
    return 0;
  }
  const core::Allocation& held = state->allocation;
  std::int64_t amount = 0;
  if (reason.kind == core::Reason::Kind::cpus) {
    return held.cpus.value;
  }
  if (reason.kind == core::Reason::Kind::counters) {
    return core::amount_of(world_.core.terms(task)->request, reason.counter);
  }
  // What is claimed of a cpu device is host memory, too.
  amount = held.ram.value;
  const std::vector<core::Device>& devices = world_.inventory.host.devices;
  for (std::size_t i = 0; i < held.devices.size(); ++i) {
    const std::uint16_t index = held.devices[i];
    const bool is_cpu = index < devices.size() && devices[index].kind == core::DeviceKind::cpu;
    amount += is_cpu ? held.mib[i].value : 0;
  }
  return amount;
}

std::vector<std::string> LiveViews::names_of(const std::vector<std::uint16_t>& devices) const {
  std::vector<std::string> names;
  names.reserve(devices.size());
  for (const std::uint16_t device : devices) {
    names.push_back(world_.device_name(device));
  }
  return names;
}

void LiveViews::bring_up_to_date(TaskView& view, const core::TaskState& state) const {
  if (state.attempt != view.row.state.attempt || state.status != view.row.state.status) {
    view.reason.reset();
  }
  view.row.state = state;
  if (state.attempt > 0) {
    view.stdout_path = log_path(view.directory, "stdout", state.attempt);
    view.stderr_path = log_path(view.directory, "stderr", state.attempt);
  }
  const auto running = world_.running.find(view.row.task.spec.id);
  if (running != world_.running.end()) {
    view.row.pid = running->second.pid;
  }
  if (!state.allocation.devices.empty()) {
    view.devices = names_of(state.allocation.devices);
  }
}

void LiveViews::complete(TaskView& view, bool reasons) {
  const store::Task& task = view.row.task;
  const TaskId id = task.spec.id;
  if (const core::TaskState* state = world_.core.state(id)) {
    bring_up_to_date(view, *state);
  }
  if (core::has_ended(view.row.state.status)) {
    const LiveNames::Questions ask{
        [this](TaskId other) { return world_.is_live(other); },
        [this](TaskId other) {
          return world_.fullname_of(other);
        }};
    const std::optional<TaskId> holder = world_.names.holder(task.fullname, ask);
    if (holder && *holder != id) {
      view.shown = fmt::format("{}#{}", task.fullname, id.value);
    }
  } else if (reasons && view.row.state.status == core::TaskStatus::waiting) {
    view.reason = why(id);
  }
}

void LiveViews::complete(std::vector<TaskView>& views, bool reasons) {
  constexpr std::size_t most_forecasts =
      16;  // of a longer list nobody asks when each of them starts
  forecasts_ = views.size() <= most_forecasts;
  for (TaskView& view : views) {
    complete(view, reasons);
  }
  // Of several ended tasks of one name in a list, the latest shows it plain.
  std::map<std::string, std::size_t> latest;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto [at, is_new] = latest.try_emplace(views[i].shown, i);
    if (!is_new) {
      TaskView& older = views[at->second];
      older.shown = fmt::format("{}#{}", older.row.task.fullname, older.row.task.spec.id.value);
      at->second = i;
    }
  }
}

std::vector<store::TaskRow> LiveViews::rows_of(SubmissionId id) const {
  Result<std::vector<store::TaskRow>> rows = world_.store->tasks_of(id);
  return rows ? std::move(rows.value()) : std::vector<store::TaskRow>{};
}

Result<SubmissionView> LiveViews::submission(SubmissionId id) {
  const store::Submission* known = world_.submission(id);
  if (known == nullptr) {
    return Error{ErrorCode::not_found, fmt::format("there is no submission {}", id.value)};
  }
  SubmissionView view;
  view.id = id;
  view.run_dir = known->run_dir;
  view.first_task = known->first_task;
  view.count = known->task_count;
  const std::uint64_t count = std::min<std::uint64_t>(known->task_count, shown_tasks);
  std::vector<store::TaskRow> rows;  // only if the core has let go of the submission
  for (std::uint64_t i = 0; i < count; ++i) {
    const TaskId task{view.first_task.value + i};
    const Result<store::Task> stored = world_.store->task(task);
    if (!stored) {
      return stored.error();
    }
    SubmittedTask shown;
    shown.ref = stored->ref;
    shown.id = task;
    shown.fullname = stored->fullname;
    if (const core::TaskState* state = world_.core.state(task)) {
      shown.status = state->status;
      shown.reason = why(task);
      shown.devices = names_of(state->allocation.devices);
    } else {
      rows = rows.empty() ? rows_of(id) : std::move(rows);
      shown.status = i < rows.size() ? rows[i].state.status : core::TaskStatus::waiting;
    }
    view.tasks.push_back(std::move(shown));
  }
  return view;
}

void LiveViews::add_claims(TaskId task, DeviceView& shown) const {
  const core::TaskState* state = world_.core.state(task);
  if (state == nullptr) {
    return;
  }
  const core::Allocation& held = state->allocation;
  const auto at = std::find(held.devices.begin(), held.devices.end(), shown.device.index);
  if (at == held.devices.end()) {
    return;
  }
  const auto i = static_cast<std::size_t>(at - held.devices.begin());
  const Mib claim = i < held.mib.size() ? held.mib[i] : Mib{};
  shown.claimed += held.whole ? shown.device.total : claim;
  shown.tasks.push_back(world_.fullname_of(task));
}

DevicesView LiveViews::devices() {
  DevicesView view;
  view.host = world_.inventory.host;
  view.error = world_.inventory.error;
  for (const core::Device& device : world_.inventory.host.devices) {
    DeviceView shown;
    shown.device = device;
    for (const auto& [task, running] : world_.running) {
      add_claims(task, shown);
    }
    std::sort(shown.tasks.begin(), shown.tasks.end());
    shown.free.value = std::max<std::int64_t>(
        device.total.value - device.used_by_others.value - shown.claimed.value, 0);
    view.devices.push_back(std::move(shown));
  }
  return view;
}

}  // namespace cattino::engine
