// Where builds for tests can be killed, or made to fail. In builds for use there is nothing of it.
//
// The environment variable CATTINO_FAULTS names a folder. A file `NAME@N` in it arms the point NAME for the
// Nth time it is passed from then on by any process that was told of the folder; the file goes when that
// comes. So each file is one fault. What passes a `fault_point` is killed; or another process, if the file
// holds its pid in decimal.
#pragma once

#include <string>

namespace cattino::sys {

#ifdef CATTINO_FAULTS

/// For main(): before any thread. Empty: no faults.
void use_faults(std::string directory);
[[nodiscard]] bool faults_are_used();

/// Ends this process by SIGKILL if the point is due; or that whose pid is in the file.
void fault_point(const char* name);

/// True if the point is due: then the caller fails as on a full disk.
[[nodiscard]] bool fault_fails(const char* name);

#else

inline void use_faults(const std::string& /*directory*/) {}
[[nodiscard]] inline bool faults_are_used() {
  return false;
}
inline void fault_point(const char* /*name*/) {}
[[nodiscard]] inline bool fault_fails(const char* /*name*/) {
  return false;
}

#endif

}  // namespace cattino::sys
