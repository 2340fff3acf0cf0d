// GET /v1/health
#include <unistd.h>

#include "base/version.h"
#include "server/answers.h"
#include "server/verbs/input.h"
#include "server/verbs/verbs.h"

namespace cattino::server::verbs {

void health(Context& context, const Request& request, const Responder& responder) {
  if (const Status good = Query{request}.check(); !good) {
    responder.fail(good.error());
    return;
  }
  const engine::HealthView view = context.engine.health();
  wire::Health answer;
  answer.version = program_version;
  answer.pid = ::getpid();
  answer.guardian = view.guardian;
  answer.supervisor = view.supervisor;
  answer.started = view.started.ms();
  answer.home = view.home;
  answer.state = view.state;
  answer.counts = {
      {core::name(core::TaskStatus::waiting), view.waiting},
      {core::name(core::TaskStatus::running), view.running}};
  for (const engine::UnknownView& process : view.unknown) {
    answer.unknown.push_back(
        {process.attempt.task.value, process.attempt.number, process.pid, process.started.ms()});
  }
  responder.send(wire::to_json(answer));
}

}  // namespace cattino::server::verbs
