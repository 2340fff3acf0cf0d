// The table of `meow watch`: what runs, what waits and what ended last, as it changes.
#pragma once

#include "cli/feed.h"
#include "cli/verbs/verbs.h"

namespace cattino::cli::verbs {

/// Draws it again and again in its place on the terminal, until the backend leaves.
Result<int> show_live_table(Context& context, Feed feed);

}  // namespace cattino::cli::verbs
