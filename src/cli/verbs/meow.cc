// meow meow: the installation works.
#include <fmt/core.h>

#include "base/version.h"
#include "cli/verbs/verbs.h"

namespace cattino::cli::verbs {

Result<int> meow(Context& context) {
  context.output.document(fmt::format(R"({{"meow":"meow","version":"{}"}})", program_version));
  context.output.text(fmt::format(
      " /\\_/\\\n"
      "( o.o )  meow! I am cattino {}.\n"
      " > ^ <\n",
      program_version));
  return 0;
}

}  // namespace cattino::cli::verbs
