// POST /v1/cancel, /v1/kill, /v1/resume, /v1/remove
#include "server/verbs/act.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "server/answers.h"
#include "server/verbs/input.h"

namespace cattino::server::verbs {

namespace {

/// Exactly one of the three ways to say which tasks.
Status check(const wire::VerbRequest& request) {
  const int ways = (request.names.empty() ? 0 : 1) + (request.match.value_or("").empty() ? 0 : 1) +
                   (request.all ? 1 : 0);
  if (ways == 1) {
    return ok();
  }
  return Error{
      ErrorCode::invalid,
      ways == 0 ? "no task is named" : "names, match and all exclude each other",
      "names",
      "say which: names, match (a regular expression) or all"};
}

void add_ends(const engine::WaitView& view, wire::VerbAnswer& answer) {
  for (wire::Changed& changed : answer.changed) {
    const auto task = std::find_if(
        view.tasks.begin(), view.tasks.end(), [&changed](const engine::TaskView& each) {
          return each.row.task.spec.id.value == changed.id;
        });
    if (changed.ending && task != view.tasks.end()) {
      changed.status = core::name(task->row.state.status);
      changed.ending = false;
    }
  }
}

/// Answers when those that were asked to end have ended.
void answer_after_ends(Context& context, wire::VerbAnswer answer, const Responder& responder) {
  engine::WaitQuery query;
  for (const wire::Changed& changed : answer.changed) {
    if (changed.ending) {
      query.selection.names.push_back(fmt::format("#{}", changed.id));
    }
  }
  if (query.selection.names.empty()) {
    responder.send(wire::to_json(answer));
    return;
  }
  responder.keep(context.engine.wait(
      std::move(query),
      [responder, answer = std::move(answer)](const Result<engine::WaitView>& view) mutable {
        if (!view) {
          responder.fail(view.error());
          return;
        }
        add_ends(*view, answer);
        responder.send(wire::to_json(answer));
      }));
}

}  // namespace

void act(Context& context, core::Verb verb, const Request& request, const Responder& responder) {
  std::optional<wire::VerbRequest> body = read_body<wire::VerbRequest>(request, responder);
  if (!body) {
    return;
  }
  if (const Status good = check(*body); !good) {
    responder.fail(good.error());
    return;
  }
  engine::Selection selection{std::move(body->names), body->match.value_or(""), body->all};
  context.engine.request(
      verb,
      std::move(selection),
      [&context, responder, wait = body->wait](const Result<engine::Outcome>& outcome) {
        if (!outcome) {
          responder.fail(outcome.error());
        } else if (wait) {
          answer_after_ends(context, outcome_of(*outcome), responder);
        } else {
          responder.send(wire::to_json(outcome_of(*outcome)));
        }
      });
}

}  // namespace cattino::server::verbs
