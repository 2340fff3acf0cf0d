// New work from a command line: what is captured, and the lines that are sent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/multirun.h"
#include "cli/options.h"
#include "cli/surroundings.h"
#include "wire/submission.h"

namespace cattino::cli {

/// What this process has that its tasks shall have: directory, environment, umask and limits; and a key
/// of its own, so that sending it twice makes it once.
Result<wire::Submission> captured(const Surroundings& surroundings);

/// The lines of `meow create "CMD"`, made one after the other.
class CommandSubmission {
 public:
  static Result<CommandSubmission> make(const CreateOptions& options, wire::Submission head);

  /// Starts from the first line again.
  void rewind() { next_ = 0; }
  /// Appends some of the next lines, each with its newline. False when there are no more.
  bool append_lines(std::string& out);

  [[nodiscard]] std::uint64_t count() const { return multirun_.count(); }

 private:
  CommandSubmission() = default;
  [[nodiscard]] std::string task_line(std::uint64_t index) const;

  wire::Submission head_;
  std::vector<wire::NewGroup> groups_;
  wire::NewTask task_;  ///< what all have in common; `command` without its arguments
  Multirun multirun_;
  std::uint64_t next_ = 0;
};

}  // namespace cattino::cli
