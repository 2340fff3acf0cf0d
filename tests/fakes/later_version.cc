// The version of programs that are newer than ours in nothing else: in place of src/base/version.cc.
#include "base/version.h"

namespace cattino {

const char* const program_version = "999.0.0";

}  // namespace cattino
