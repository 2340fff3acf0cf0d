// CHECK's last words.
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace cattino {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken: %s\n", file, line, condition);
  std::abort();
}

}  // namespace cattino
