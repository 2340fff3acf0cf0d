// Reading WfFormat. The only file of this room that knows JSON values.
#include "sim/workflow.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/core.h>

namespace cattino::sim {
namespace {

namespace json = boost::json;

constexpr std::int64_t longest_run_s = std::int64_t{100} * 366 * 24 * 3600;

class WorkflowReader {
 public:
  Result<Workload> read(const json::value& document) {
    const json::value* specification = member(document, {"workflow", "specification", "tasks"});
    const json::value* execution = member(document, {"workflow", "execution", "tasks"});
    if (specification == nullptr || !specification->is_array()) {
      return wrong("workflow.specification.tasks", "expected a list: this is no WfFormat 1.5");
    }
    if (execution == nullptr || !execution->is_array()) {
      return wrong("workflow.execution.tasks", "expected a list with the run of each task");
    }
    Status done = read_tasks(specification->get_array());
    done = done ? read_runs(execution->get_array()) : done;
    done = done ? read_edges(specification->get_array()) : done;
    if (!done) {
      return done.error();
    }
    return std::move(workload_);
  }

 private:
  static Error wrong(std::string place, std::string what) {
    return {ErrorCode::invalid, std::move(what), std::move(place), {}};
  }
  static std::string task_place(const char* part, std::size_t index, const char* field) {
    return fmt::format("workflow.{}.tasks[{}].{}", part, index, field);
  }
  static const json::value* member(
      const json::value& from, std::initializer_list<const char*> path) {
    const json::value* at = &from;
    for (const char* const name : path) {
      const json::object* object = at->if_object();
      at = object == nullptr ? nullptr : object->if_contains(name);
      if (at == nullptr) {
        return nullptr;
      }
    }
    return at;
  }

  Status read_tasks(const json::array& tasks) {
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const json::value* id = member(tasks[i], {"id"});
      if (id == nullptr || !id->is_string()) {
        return wrong(task_place("specification", i, "id"), "expected text");
      }
      core::TaskSpec spec;
      spec.id = {i + 1};
      spec.request.min_devices = 0;
      spec.request.cpus = {1000};
      spec.created = Time{1};
      const std::string name(id->get_string());
      if (!ids_.emplace(name, i).second) {
        return wrong(task_place("specification", i, "id"), fmt::format("{} is there twice", name));
      }
      workload_.names.push_back(name);
      workload_.work.tasks.push_back(spec);
    }
    workload_.work.id = {1};
    workload_.runs.assign(tasks.size(), Duration{-1});
    return ok();
  }

  Status read_runs(const json::array& runs) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const json::value* id = member(runs[i], {"id"});
      const auto task =
          id == nullptr || !id->is_string() ? ids_.end() : ids_.find(std::string(id->get_string()));
      if (task == ids_.end()) {
        return wrong(task_place("execution", i, "id"), "no task of the specification");
      }
      const json::value* seconds = member(runs[i], {"runtimeInSeconds"});
      if (seconds == nullptr || !seconds->is_number() ||
          !(seconds->to_number<double>() >= 0 &&
            seconds->to_number<double>() <= static_cast<double>(longest_run_s))) {
        return wrong(
            task_place("execution", i, "runtimeInSeconds"),
            "expected a number of seconds, 0 or more");
      }
      const Duration run{std::llround(seconds->to_number<double>() * 1e6)};
      workload_.runs[task->second] = run;
      workload_.work.tasks[task->second].expected = run;
    }
    for (std::size_t i = 0; i < workload_.runs.size(); ++i) {
      if (workload_.runs[i].us < 0) {
        return wrong("workflow.execution.tasks", fmt::format("{} has no run", workload_.names[i]));
      }
    }
    return ok();
  }

  /// From `parents`; `children` say the same.
  Status read_edges(const json::array& tasks) {
    Status done = ok();
    for (std::size_t i = 0; done && i < tasks.size(); ++i) {
      const json::value* parents = member(tasks[i], {"parents"});
      done = parents != nullptr && parents->is_array()
                 ? read_parents(i, parents->get_array())
                 : Status(wrong(task_place("specification", i, "parents"), "expected a list"));
    }
    return done;
  }

  Status read_parents(std::size_t task, const json::array& parents) {
    const core::Node to = core::Node::of(TaskId{task + 1});
    for (const json::value& parent : parents) {
      const auto from =
          parent.is_string() ? ids_.find(std::string(parent.get_string())) : ids_.end();
      if (from == ids_.end()) {
        return wrong(
            task_place("specification", task, "parents"), "names a task that is not there");
      }
      workload_.work.edges.push_back({core::Node::of(TaskId{from->second + 1}), to});
    }
    return ok();
  }

  Workload workload_;
  std::map<std::string, std::size_t> ids_;
};

}  // namespace

Result<Workload> read_workflow(std::string_view text) {
  boost::system::error_code error;
  const json::value document = json::parse({text.data(), text.size()}, error);
  if (error) {
    return Error{ErrorCode::invalid, "this is no JSON: " + error.message(), {}, {}};
  }
  return WorkflowReader().read(document);
}

}  // namespace cattino::sim
