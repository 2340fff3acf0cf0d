// The version of the programs that this is linked into.
#pragma once

namespace cattino {

/// "0.1.0". A symbol, not a macro: the tests link programs of another version from the same objects.
extern const char* const program_version;

}  // namespace cattino
