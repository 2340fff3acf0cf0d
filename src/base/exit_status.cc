// Names of the stages of a start, and exit statuses in words.
#include "base/exit_status.h"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

namespace cattino {

namespace {

std::string signal_name(int number) {
  const char* abbreviation = sigabbrev_np(number);
  return abbreviation != nullptr ? fmt::format("SIG{}", abbreviation)
                                 : fmt::format("signal {}", number);
}

std::string never_started(const ExitStatus& status) {
  if (status.value == 0) {  // no error of the kernel's: who could not start it has written why
    return "never started: stderr.log says why";
  }
  std::string stage = name(status.stage);
  std::replace(stage.begin(), stage.end(), '_', ' ');
  const char* meaning = strerrordesc_np(status.value);
  return meaning != nullptr ? fmt::format("never started: {}: {}", stage, meaning)
                            : fmt::format("never started: {}: error {}", stage, status.value);
}

}  // namespace

const char* name(StartStage stage) {
  switch (stage) {
    case StartStage::none:
      return "none";
    case StartStage::logs:
      return "logs";
    case StartStage::working_directory:
      return "working_directory";
    case StartStage::limits:
      return "limits";
    case StartStage::executable:
      return "executable";
    case StartStage::fork:
      return "fork";
    case StartStage::exec:
      return "exec";
  }
  return "none";
}

std::string describe(const ExitStatus& status) {
  switch (status.kind) {
    case ExitStatus::Kind::none:
      return "not ended";
    case ExitStatus::Kind::code:
      return fmt::format("exit status {}", status.value);
    case ExitStatus::Kind::signal:
      return fmt::format("killed by {}", signal_name(status.value));
    case ExitStatus::Kind::not_started:
      return never_started(status);
    case ExitStatus::Kind::lost:
      return "lost";
  }
  return "not ended";
}

}  // namespace cattino
