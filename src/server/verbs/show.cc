// GET /v1/tasks/{reference}
#include <utility>
#include <variant>

#include "server/answers.h"
#include "server/verbs/input.h"
#include "server/verbs/verbs.h"

namespace cattino::server::verbs {

namespace {

wire::Detail group_detail(const engine::ListView& view) {
  wire::GroupDetail detail;
  if (!view.groups.empty()) {
    detail.group = group_of(view.groups.front());
  }
  detail.tasks = tasks_of(view.tasks);
  return detail;
}

}  // namespace

void show(Context& context, const Request& request, const Responder& responder) {
  if (const Status good = Query{request}.check(); !good) {
    responder.fail(good.error());
    return;
  }
  using Shown = std::variant<engine::DetailView, engine::ListView>;
  context.engine.show(request.argument, [responder](const Result<Shown>& shown) {
    if (!shown) {
      responder.fail(shown.error());
      return;
    }
    const auto* task = std::get_if<engine::DetailView>(&shown.value());
    responder.send(wire::to_json(
        task != nullptr ? detail_of(*task)
                        : group_detail(std::get<engine::ListView>(shown.value()))));
  });
}

}  // namespace cattino::server::verbs
