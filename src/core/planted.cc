// The fault that is planted, where tests may plant one.
#include "core/planted.h"

#ifdef CATTINO_PLANTED
namespace cattino::core {
Fault planted_fault = Fault::none;
}  // namespace cattino::core
#endif
