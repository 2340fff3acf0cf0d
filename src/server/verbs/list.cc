// GET /v1/tasks
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>
#include <fmt/format.h>

#include "server/answers.h"
#include "server/verbs/input.h"
#include "server/verbs/verbs.h"

namespace cattino::server::verbs {

namespace {

constexpr std::uint64_t limit_max = 1'000'000;
constexpr std::uint64_t latest_ms = 253'402'300'799'999;  // the end of the year 9999

Result<std::vector<core::TaskStatus>> statuses_of(const std::vector<std::string>& words) {
  using core::TaskStatus;
  constexpr std::array all = {
      TaskStatus::waiting,
      TaskStatus::running,
      TaskStatus::done,
      TaskStatus::failed,
      TaskStatus::cancelled};
  std::vector<std::string> names;
  names.reserve(all.size());
  for (const TaskStatus status : all) {
    names.emplace_back(core::name(status));
  }
  std::vector<TaskStatus> statuses;
  statuses.reserve(words.size());
  for (const std::string& word : words) {
    const auto* const status = std::find_if(
        all.begin(), all.end(), [&word](TaskStatus each) { return word == core::name(each); });
    if (status == all.end()) {
      return Error{
          ErrorCode::invalid,
          fmt::format("'{}' is no status", word),
          "status",
          fmt::format("statuses are {}", fmt::join(names, ", "))};
    }
    statuses.push_back(*status);
  }
  return statuses;
}

}  // namespace

void list(Context& context, const Request& request, const Responder& responder) {
  Query query{request};
  engine::ListQuery wanted;
  wanted.selection.names = query.all("name");
  wanted.selection.match = query.one("match").value_or("");
  const Result<std::vector<core::TaskStatus>> statuses = statuses_of(query.all("status"));
  wanted.history = query.flag("all", false);
  if (const std::uint64_t since = query.number("changed_since", 0); since > 0) {
    wanted.history = true;
    wanted.changed_since =
        Time{} + Duration::milliseconds(static_cast<std::int64_t>(std::min(since, latest_ms)));
  }
  wanted.reasons = query.flag("reasons", true);
  wanted.limit = std::min(query.number("limit", wanted.limit), limit_max);
  if (const Status good = query.check(); !good) {
    responder.fail(good.error());
    return;
  }
  if (!statuses) {
    responder.fail(statuses.error());
    return;
  }
  wanted.statuses = *statuses;
  context.engine.list(std::move(wanted), [responder](const Result<engine::ListView>& view) {
    if (!view) {
      responder.fail(view.error());
      return;
    }
    wire::TaskList answer;
    answer.tasks = tasks_of(view->tasks);
    for (const engine::GroupView& group : view->groups) {
      answer.groups.push_back(group_of(group));
    }
    answer.truncated = view->truncated;
    answer.now = view->now.ms();
    answer.counts = counts_of(view->tasks);
    responder.send(wire::to_json(answer));
  });
}

}  // namespace cattino::server::verbs
