// How an attempt ended: a code, a signal, a stage at which it never started, or unknown.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace cattino {

/// The step of a start that failed, in their order.
enum class StartStage : std::uint8_t {
  none,
  logs,
  working_directory,
  limits,
  executable,
  fork,
  exec
};

const char* name(StartStage stage);

struct ExitStatus {
  enum class Kind : std::uint8_t {
    none,         ///< has not ended
    code,         ///< exited; `value` is the exit code
    signal,       ///< ended by a signal; `value` is its number
    not_started,  ///< `stage` failed with errno `value`; no process ran
    lost,         ///< it ran, and nobody can know how it ended
  };
  Kind kind = Kind::none;
  StartStage stage = StartStage::none;
  std::int32_t value = 0;

  static ExitStatus of_code(int code) { return {Kind::code, StartStage::none, code}; }
  static ExitStatus of_signal(int number) { return {Kind::signal, StartStage::none, number}; }
  static ExitStatus of_stage(StartStage stage, int error_number) {
    return {Kind::not_started, stage, error_number};
  }
  static ExitStatus of_lost() { return {Kind::lost, StartStage::none, 0}; }

  [[nodiscard]] bool ok() const { return kind == Kind::code && value == 0; }
  friend auto operator<=>(const ExitStatus&, const ExitStatus&) = default;
};

/// For people: "exit status 3", "killed by SIGKILL", "never started: executable: No such file or
/// directory", "lost".
std::string describe(const ExitStatus& status);

}  // namespace cattino
