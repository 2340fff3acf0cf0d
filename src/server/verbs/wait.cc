// POST /v1/wait
#include <utility>

#include "server/answers.h"
#include "server/verbs/input.h"
#include "server/verbs/verbs.h"

namespace cattino::server::verbs {

namespace {

/// A century; and far from overflow in microseconds.
constexpr wire::Milliseconds longest_ms = 100LL * 366 * 24 * 3600 * 1000;

}  // namespace

void wait(Context& context, const Request& request, const Responder& responder) {
  std::optional<wire::WaitRequest> body = read_body<wire::WaitRequest>(request, responder);
  if (!body) {
    return;
  }
  engine::WaitQuery query;
  query.selection.names = std::move(body->names);
  query.selection.match = body->match.value_or("");
  if (body->timeout_ms) {
    if (*body->timeout_ms < 0) {
      responder.fail(Error{ErrorCode::invalid, "a timeout is not negative", "timeout_ms", {}});
      return;
    }
    query.timeout = Duration::milliseconds(std::min(*body->timeout_ms, longest_ms));
  }
  responder.keep(
      context.engine.wait(std::move(query), [responder](const Result<engine::WaitView>& view) {
        if (!view) {
          responder.fail(view.error());
          return;
        }
        wire::WaitAnswer answer;
        answer.outcome = view->outcome;
        answer.tasks = tasks_of(view->tasks);
        answer.counts = counts_of(view->tasks);
        answer.stuck = tasks_of(view->stuck);
        responder.send(wire::to_json(answer));
      }));
}

}  // namespace cattino::server::verbs
