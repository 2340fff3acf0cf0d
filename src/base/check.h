// CHECK: what must be true, in release builds too. A broken one is a defect of ours and aborts.
#pragma once

namespace cattino {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace cattino

#define CHECK(condition)                                       \
  do {                                                         \
    if (!(condition)) {                                        \
      ::cattino::check_failed(#condition, __FILE__, __LINE__); \
    }                                                          \
  } while (false)
