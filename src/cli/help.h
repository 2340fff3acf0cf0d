// The pages of help, and the reference that is made of them. Knows what the grammar says, not how it is
// written down.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cattino::cli {

struct OptionPage {
  std::vector<std::string> names;  ///< "-n", "--name"; of a positional "NAME…"
  std::string value;               ///< "TEXT"; empty of a flag
  std::string doc;
  bool positional = false;
  bool required = false;
};

struct VerbPage {
  std::string name;
  std::string doc;
  std::vector<OptionPage> options;
  std::string footer;
};

/// `meow --help`.
std::string help_text(const std::vector<VerbPage>& verbs);

/// `meow VERB --help`.
std::string help_text(const VerbPage& verb);

/// Verbs, exit statuses, settings and environment variables as a page of documentation.
std::string reference_markdown(const std::vector<VerbPage>& verbs);

}  // namespace cattino::cli
