// The only source that knows it.
#include "base/version.h"

namespace cattino {

const char* const program_version = CATTINO_VERSION;

}  // namespace cattino
