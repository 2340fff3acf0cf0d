// For LD_PRELOAD: a wall clock that is wrong by so many seconds as the file $FAKE_WALL_CLOCK says, read anew
// each time. The clocks that count since boot stay as they are.
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

long wrong_by() {
  const char* path = std::getenv("FAKE_WALL_CLOCK");
  std::FILE* file = path != nullptr ? std::fopen(path, "re") : nullptr;
  if (file == nullptr) {
    return 0;
  }
  long seconds = 0;
  const bool good = std::fscanf(file, "%ld", &seconds) == 1;
  std::fclose(file);
  return good ? seconds : 0;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, timespec* now) noexcept {
  const long result = ::syscall(SYS_clock_gettime, id, now);
  if (result == 0 && id == CLOCK_REALTIME) {
    now->tv_sec += wrong_by();
  }
  return static_cast<int>(result);
}

__attribute__((visibility("default"))) time_t time(time_t* into) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != nullptr) {
    *into = now.tv_sec;
  }
  return now.tv_sec;
}
}
