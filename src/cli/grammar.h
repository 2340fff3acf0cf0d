// The grammar of the command line: verbs and their options, bound to what they fill. Only for files that
// know CLI11, which takes seconds to compile and throws.
#pragma once

#include <memory>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/help.h"
#include "cli/options.h"

namespace cattino::cli {

/// The tree of verbs, bound to the Options it fills; so it stays where it is.
struct Grammar {
  CLI::App app{"", "meow"};
  Options options;
  bool json = false;
  bool quiet = false;
  bool as_script = false;
  std::uint32_t min_devices = 0;
};

std::unique_ptr<Grammar> make_grammar();

/// What help says of a verb.
VerbPage page_of(const CLI::App& verb);

/// Of all verbs that are not hidden.
std::vector<VerbPage> pages_of(const Grammar& grammar);

}  // namespace cattino::cli
