// meow devices: what there is and who holds it.
#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace cattino::cli::verbs {

Result<int> devices(Context& context) {
  auto answer = context.client.get<wire::Devices>("/v1/devices");
  if (!answer) {
    return answer.error();
  }
  context.output.document(answer->text);
  context.output.text(devices_text(answer->value, context.output.screen()));
  return 0;
}

}  // namespace cattino::cli::verbs
