// Lookups that several parts of the engine need.
#include "engine/world.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace cattino::engine {

store::Attempt attempt_row(const Running& running) {
  store::Attempt row;
  row.id = running.attempt;
  row.started = running.started;
  row.pid = running.pid;
  row.devices = running.devices;
  row.host = running.host;
  return row;
}

namespace {

core::Policy policy_of(const settings::Settings& settings) {
  core::Policy policy;
  policy.aging = settings.aging;
  policy.reservations.depth = settings.reservations;
  policy.reservations.after = settings.reserve_after;
  policy.lines.length = World::line_length;
  return policy;
}

}  // namespace

World::World(
    sys::Loop& the_loop,
    Engine::Options the_options,
    std::unique_ptr<store::Store> the_store,
    std::unique_ptr<store::Reader> the_reader)
    : loop(the_loop),
      options(std::move(the_options)),
      store(std::move(the_store)),
      reader(std::move(the_reader)),
      core(policy_of(options.settings)) {}

World::~World() {
  alive.reset();
  reading.reset();  // finishes its jobs while the reader is there
  files.reset();
}

std::function<void()> World::guarded(std::function<void()> work) const {
  return [life = std::weak_ptr<bool>(alive), work = std::move(work)] {
    if (!life.expired()) {
      work();
    }
  };
}

const store::Submission* World::submission(SubmissionId id) {
  const auto at = submissions.find(id);
  if (at != submissions.end()) {
    return &at->second;
  }
  Result<store::Submission> loaded = store->submission(id);
  if (!loaded) {
    return nullptr;
  }
  remember(loaded.value());
  return &submissions.find(id)->second;
}

/// Their number must not grow with the queue: what is needed again is read again.
void World::remember(const store::Submission& submission) {
  constexpr std::size_t most_remembered = 4096;
  if (submissions.size() >= most_remembered) {
    submissions.clear();
  }
  submissions.insert_or_assign(submission.id, submission);
}

std::string World::fullname_of(core::Node node) {
  if (node.kind == core::Node::Kind::task) {
    const auto at = running.find(TaskId{node.id});
    if (at != running.end() && !at->second.fullname.empty()) {
      return at->second.fullname;
    }
    Result<store::Task> task = store->task(TaskId{node.id});
    return task ? task->fullname : fmt::format("#{}", node.id);
  }
  Result<store::Group> group = store->group(GroupId{node.id});
  return group ? group->fullname : fmt::format("group #{}", node.id);
}

bool World::is_live(TaskId task) const {
  const core::TaskState* state = core.state(task);
  return state != nullptr && !core::has_ended(state->status);
}

void World::stop(std::uint64_t key) const {
  supervisor::Stop stop;
  stop.key = key;
  stop.grace = options.settings.grace;
  client->send(stop);
}

std::uint64_t World::end_unknown() {
  for (const auto& [key, process] : unknown) {
    stop(key);
  }
  client->flush();
  return unknown.size();
}

std::string World::device_name(std::uint16_t index) const {
  const auto& devices = inventory.host.devices;
  return index < devices.size() ? devices[index].name : fmt::format("device {}", index);
}

std::vector<std::string> World::device_names() const {
  std::vector<std::string> all;
  for (const core::Device& device : inventory.host.devices) {
    all.push_back(device.name);
  }
  return all;
}

bool World::has_accelerators() const {
  const std::vector<core::Device>& devices = inventory.host.devices;
  return std::any_of(devices.begin(), devices.end(), [](const core::Device& device) {
    return device.kind == core::DeviceKind::accelerator;
  });
}

Error World::unusable_supervisor() const {
  return {
      ErrorCode::unavailable,
      supervisor_problem,
      {},
      "wait until they have ended, or use the version that started them"};
}

}  // namespace cattino::engine
