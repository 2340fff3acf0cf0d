// What is wrong with new work, before it is taken.
#include <set>

#include "core/cycles.h"
#include "core/impl.h"

namespace cattino::core {
namespace {

constexpr std::size_t most_cycles = 8;

}  // namespace

/// Requests are judged once each: the first task that makes an impossible one is named.
std::vector<Problem> Scheduler::Impl::check(const Submitted& work) const {
  std::vector<Problem> problems;
  for (std::vector<Node>& cycle : find_cycles(work, most_cycles)) {
    Problem problem;
    problem.kind = Problem::Kind::cycle;
    problem.node = cycle.front();
    problem.nodes = std::move(cycle);
    problems.push_back(std::move(problem));
  }
  std::set<Request> seen;
  const Request* last = nullptr;
  for (const TaskSpec& task : work.tasks) {
    if ((last != nullptr && *last == task.request) || !seen.insert(task.request).second) {
      continue;
    }
    last = &task.request;
    std::optional<Problem> problem = pool_.infeasible(task.request);
    if (!problem.has_value()) {
      continue;
    }
    problem->node = Node::of(task.id);
    problems.push_back(*std::move(problem));
    if (problems.back().kind == Problem::Kind::no_host) {
      break;
    }
  }
  return problems;
}

}  // namespace cattino::core
