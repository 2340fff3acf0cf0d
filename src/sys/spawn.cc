// clone3 with CLONE_VM | CLONE_VFORK: the child borrows our memory until its exec, so a launch costs the
// same from any size of process. The child's code makes bare system calls and touches nothing of libc,
// of errno or of a sanitizer.
#include "sys/spawn.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__aarch64__)
#define CATTINO_BARE_SYSCALLS 1
#else
#define CATTINO_BARE_SYSCALLS 0
#endif

#define CATTINO_CHILD_CODE \
  __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize("undefined")))

namespace cattino::sys {
namespace {

constexpr int signal_max = 64;
constexpr std::size_t passed_max = 4;

/// Everything the child needs, and the place where it says what failed.
struct ChildPlan {
  const SpawnRequest* request = nullptr;
  pid_t parent = 0;
  int null_fd = -1;
  const int* reset_signals = nullptr;
  std::size_t reset_count = 0;
  int passed_count = 0;
  PassedFd passed[passed_max] = {};  ///< copies above the numbers that the child gets
  int clone_into = -1;               ///< directory of the cgroup that the child is born in
  int enter = -1;                    ///< … or of the one that it enters by itself
  const int* doors = nullptr;        ///< of further ones
  std::size_t door_count = 0;
  volatile bool entered = false;
  volatile bool through_doors = true;
  volatile int failed_stage = 0;
  volatile int error_number = 0;
};

/// A system call that leaves errno, the stack and the thread's state alone; an error is negative.
CATTINO_CHILD_CODE inline long bare_call(
    long number, long first = 0, long second = 0, long third = 0, long fourth = 0) {
#if defined(__x86_64__)
  long result = 0;
  register long r10 asm("r10") = fourth;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = first;
  register long x1 asm("x1") = second;
  register long x2 asm("x2") = third;
  register long x3 asm("x3") = fourth;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
#else
  const long result = ::syscall(number, first, second, third, fourth);
  return result == -1 ? -errno : result;
#endif
}

CATTINO_CHILD_CODE inline long as_long(const volatile void* pointer) {
  return reinterpret_cast<long>(pointer);
}

[[noreturn]] CATTINO_CHILD_CODE void fail(ChildPlan& plan, StartStage stage, long result) {
  plan.error_number = static_cast<int>(-result);
  plan.failed_stage = static_cast<int>(stage);
  while (true) {
    bare_call(SYS_exit_group, 127);
  }
}

/// Our hard limit is a ceiling: a submitter with a higher one gets what there is.
CATTINO_CHILD_CODE long set_limit(const ResourceLimit& wanted) {
  rlimit limit{wanted.soft, wanted.hard};
  const long result = bare_call(SYS_prlimit64, 0, wanted.resource, as_long(&limit), 0);
  if (result != -EPERM) {
    return result;
  }
  rlimit present{};
  bare_call(SYS_prlimit64, 0, wanted.resource, 0, as_long(&present));
  limit.rlim_max = present.rlim_max < limit.rlim_max ? present.rlim_max : limit.rlim_max;
  limit.rlim_cur = limit.rlim_max < limit.rlim_cur ? limit.rlim_max : limit.rlim_cur;
  return bare_call(SYS_prlimit64, 0, wanted.resource, as_long(&limit), 0);
}

CATTINO_CHILD_CODE void set_limits(ChildPlan& plan, const SpawnRequest& request) {
  const ResourceLimit* limit = request.limits.data();
  for (std::size_t left = request.limits.size(); left > 0; --left, ++limit) {
    if (limit->resource == RLIMIT_LOCKS) {
      continue;  // It is the tag.
    }
    if (const long result = set_limit(*limit); result < 0) {
      fail(plan, StartStage::limits, result);
    }
  }
  if (request.tag.key != 0) {
    const rlimit limit_as_tag{request.tag.key, request.tag.space};
    const long result = bare_call(SYS_prlimit64, 0, RLIMIT_LOCKS, as_long(&limit_as_tag), 0);
    if (result < 0) {
      fail(plan, StartStage::limits, result);
    }
  }
}

CATTINO_CHILD_CODE void move_fd(ChildPlan& plan, int from, int to) {
  if (from < 0) {
    return;
  }
  if (const long result = bare_call(SYS_dup3, from, to, 0); result < 0) {
    fail(plan, StartStage::fork, result);
  }
}

CATTINO_CHILD_CODE void enter_cgroup(ChildPlan& plan) {
  const long procs =
      bare_call(SYS_openat, plan.enter, as_long("cgroup.procs"), O_WRONLY | O_CLOEXEC);
  if (procs >= 0) {
    plan.entered = bare_call(SYS_write, procs, as_long("0"), 1) == 1;
    bare_call(SYS_close, procs);
  }
}

CATTINO_CHILD_CODE void go_through_doors(ChildPlan& plan) {
  for (std::size_t at = 0; at < plan.door_count; ++at) {
    if (bare_call(SYS_write, plan.doors[at], as_long("0"), 1) != 1) {
      plan.through_doors = false;
    }
  }
}

CATTINO_CHILD_CODE void reset_signals(const ChildPlan& plan) {
  const long default_action[4] = {0, 0, 0, 0};  // The kernel's struct sigaction: SIG_DFL.
  for (std::size_t at = 0; at < plan.reset_count; ++at) {
    bare_call(SYS_rt_sigaction, plan.reset_signals[at], as_long(default_action), 0, sizeof(long));
  }
}

[[noreturn]] __attribute__((noinline)) CATTINO_CHILD_CODE void run_child(ChildPlan& plan) {
  const SpawnRequest& request = *plan.request;
  bare_call(SYS_setsid);
  if (plan.enter >= 0) {
    enter_cgroup(plan);
  }
  go_through_doors(plan);
  if (request.death_signal != 0) {
    bare_call(SYS_prctl, PR_SET_PDEATHSIG, request.death_signal);
    if (bare_call(SYS_getppid) != plan.parent) {
      bare_call(SYS_exit_group, 127);  // It died before the signal was set.
    }
  }
  reset_signals(plan);
  bare_call(SYS_umask, request.umask);
  move_fd(plan, plan.null_fd, 0);
  move_fd(plan, request.stdout_fd, 1);
  move_fd(plan, request.stderr_fd, 2);
  for (int at = 0; at < plan.passed_count; ++at) {
    move_fd(plan, plan.passed[at].fd, plan.passed[at].as);
  }
  if (request.directory != nullptr) {
    if (const long result = bare_call(SYS_chdir, as_long(request.directory)); result < 0) {
      fail(plan, StartStage::working_directory, result);
    }
  }
  set_limits(plan, request);
  const std::uint64_t blocked = request.blocked_signals;
  bare_call(SYS_rt_sigprocmask, SIG_SETMASK, as_long(&blocked), 0, sizeof blocked);
  const long result = bare_call(
      SYS_execve, as_long(request.executable), as_long(request.argv), as_long(request.environment));
  fail(plan, StartStage::exec, result);
}

#if CATTINO_BARE_SYSCALLS
/// The child continues on our stack, below this frame, while we stand still.
__attribute__((noinline)) CATTINO_CHILD_CODE long clone_child(ChildPlan& plan, int& pidfd) {
  static_assert(
      sizeof(std::atomic<pid_t>) == sizeof(pid_t) && std::atomic<pid_t>::is_always_lock_free);
  std::atomic<pid_t> ignored_pid{0};  // the kernel takes it for a pid_t
  const SpawnRequest& request = *plan.request;
  clone_args arguments{};
  arguments.flags =
      CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CLEAR_SIGHAND;
  arguments.pidfd = static_cast<std::uint64_t>(as_long(&pidfd));
  arguments.parent_tid = static_cast<std::uint64_t>(
      as_long(request.pid_seen != nullptr ? request.pid_seen : &ignored_pid));
  arguments.exit_signal = SIGCHLD;
  if (plan.clone_into >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<decltype(arguments.cgroup)>(plan.clone_into);
  }
  const long pid = bare_call(SYS_clone3, as_long(&arguments), sizeof arguments);
  if (pid == 0) {
    run_child(plan);
  }
  return pid;
}

/// The same, born in the cgroup of `enter`. If that fails, the child is to enter it by itself.
long clone_into_cgroup(ChildPlan& plan, int& pidfd, bool& works) {
  if (plan.enter < 0 || !works) {
    return -ENOSYS;
  }
  plan.clone_into = std::exchange(plan.enter, -1);
  const long pid = clone_child(plan, pidfd);
  plan.entered = pid >= 0;
  works = pid != -EINVAL;  // before Linux 5.7
  if (pid < 0) {
    plan.enter = std::exchange(plan.clone_into, -1);
  }
  return pid;
}
#endif

__attribute__((noinline)) CATTINO_CHILD_CODE long vfork_child(ChildPlan& plan) {
  const pid_t pid =
      ::vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): as clone3 above.
  if (pid == 0) {
    run_child(plan);  // NOLINT(clang-analyzer-unix.Vfork): bare system calls, as after clone3
  }
  return pid < 0 ? -errno : pid;
}

/// Copies descriptors that the child is to get above all numbers it gets them under. They are closed by
/// `keepers`.
int lift_passed(const SpawnRequest& request, ChildPlan& plan, std::array<Fd, passed_max>& keepers) {
  constexpr int above = 20;
  for (const PassedFd& passed : request.passed.first(std::min(request.passed.size(), passed_max))) {
    Fd copy{::fcntl(passed.fd, F_DUPFD_CLOEXEC, above)};
    if (!copy) {
      return errno;
    }
    plan.passed[plan.passed_count] = {copy.get(), passed.as};
    keepers[static_cast<std::size_t>(plan.passed_count)] = std::move(copy);
    ++plan.passed_count;
  }
  return 0;
}

/// Blocks all signals, those of glibc itself included: no handler may run in the child.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    const std::uint64_t all = ~std::uint64_t{0};
    bare_call(SYS_rt_sigprocmask, SIG_SETMASK, as_long(&all), as_long(&before_), sizeof all);
  }
  ~SignalsBlocked() {
    bare_call(SYS_rt_sigprocmask, SIG_SETMASK, as_long(&before_), 0, sizeof before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  std::uint64_t before_ = 0;
};

}  // namespace

// Asks the kernel: glibc hides its own signals (32 and 33), which a parent that used its posix_spawn, as
// make does, leaves ignored.
Spawner::Spawner() : null_{::open("/dev/null", O_RDWR | O_CLOEXEC)} {
  for (int signal = 1; signal <= signal_max; ++signal) {
    long action[4] = {};  // The kernel's struct sigaction, its handler first.
    if (signal == SIGKILL || signal == SIGSTOP ||
        ::syscall(SYS_rt_sigaction, signal, nullptr, static_cast<long*>(action), sizeof(long)) !=
            0) {
      continue;
    }
    if (action[0] == as_long(reinterpret_cast<const void*>(SIG_IGN))) {
      ignored_signals_.push_back(signal);
    }
    if (action[0] != as_long(reinterpret_cast<const void*>(SIG_DFL))) {
      handled_signals_.push_back(signal);
    }
  }
}

void close_all_on_exec() {
  constexpr unsigned close_on_exec = 1U << 2U;  // CLOSE_RANGE_CLOEXEC
  if (::syscall(SYS_close_range, 3U, ~0U, close_on_exec) == 0) {
    return;
  }
  const long last = ::sysconf(_SC_OPEN_MAX);
  for (int fd = 3; fd < last; ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

Spawned Spawner::spawn(const SpawnRequest& request) {
  Spawned result;
  ChildPlan plan;
  plan.enter = request.cgroup;
  plan.request = &request;
  plan.parent = ::getpid();
  plan.null_fd = null_.get();
  std::vector<int> doors;
  std::transform(
      request.doors.begin(), request.doors.end(), std::back_inserter(doors), [](const Fd& door) {
        return door.get();
      });
  plan.doors = doors.data();
  plan.door_count = doors.size();
  std::array<Fd, passed_max> keepers;
  if (const int error = lift_passed(request, plan, keepers); error != 0) {
    result.failed_stage = StartStage::fork;
    result.error_number = error;
    return result;
  }
  int pidfd = -1;
  long pid = -ENOSYS;
  {
    const SignalsBlocked blocked;
#if CATTINO_BARE_SYSCALLS
    if (clone3_works_) {
      plan.reset_signals = ignored_signals_.data();
      plan.reset_count = ignored_signals_.size();
      pid = clone_into_cgroup(plan, pidfd, clone_into_works_);
    }
    if (clone3_works_ && pid < 0) {
      pid = clone_child(plan, pidfd);
      clone3_works_ = pid != -ENOSYS && pid != -EPERM && pid != -EINVAL;
    }
#endif
    if (!clone3_works_ || CATTINO_BARE_SYSCALLS == 0) {
      plan.reset_signals = handled_signals_.data();
      plan.reset_count = handled_signals_.size();
      pid = vfork_child(plan);
    }
  }
  if (pid < 0) {
    result.failed_stage = StartStage::fork;
    result.error_number = static_cast<int>(-pid);
    return result;
  }
  result.pid = static_cast<pid_t>(pid);
  result.in_cgroup = plan.entered;
  result.through_doors = plan.through_doors;
  result.pidfd = pidfd >= 0 ? Fd{pidfd} : open_pidfd(result.pid);
  if (plan.failed_stage != 0) {
    result.failed_stage = static_cast<StartStage>(plan.failed_stage);
    result.error_number = plan.error_number;
    result.pidfd.reset();
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED);
  }
  return result;
}

}  // namespace cattino::sys
