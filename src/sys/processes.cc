// Pidfds, waitid and the files of /proc/PID.
#include "sys/processes.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <span>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/files.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace cattino::sys {
namespace {

/// Reads the start of a small file of /proc/PID into `buffer`, without allocating.
std::string_view read_proc(pid_t pid, const char* file, std::span<char> buffer) {
  std::array<char, 64> path{};
  *fmt::format_to_n(path.data(), path.size() - 1, "/proc/{}/{}", pid, file).out = '\0';
  const Fd opened{::open(path.data(), O_RDONLY | O_CLOEXEC)};
  if (!opened) {
    return {};
  }
  const ssize_t got = ::read(opened.get(), buffer.data(), buffer.size());
  return {buffer.data(), static_cast<std::size_t>(got < 0 ? 0 : got)};
}

/// Takes one word off the front of `text`.
std::string_view next_word(std::string_view& text) {
  const std::size_t start = text.find_first_not_of(" \n");
  if (start == std::string_view::npos) {
    text = {};
    return {};
  }
  const std::size_t end = std::min(text.find_first_of(" \n", start), text.size());
  const std::string_view word = text.substr(start, end - start);
  text.remove_prefix(end);
  return word;
}

template <class T>
bool parse_number(std::string_view word, T& into) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), into);
  return error == std::errc{} && end == word.data() + word.size();
}

bool parse_limit(std::string_view word, std::uint64_t& into) {
  if (word == "unlimited") {
    into = RLIM_INFINITY;
    return true;
  }
  return parse_number(word, into);
}

std::int64_t microseconds(const timeval& time) {
  return std::int64_t{time.tv_sec} * 1000000 + time.tv_usec;
}

std::optional<ProcessExit> peek(int which, int id, int flags) {
  siginfo_t info{};
  rusage usage{};
  long result = 0;
  do {
    result = ::syscall(SYS_waitid, which, id, &info, WEXITED | WNOHANG | WNOWAIT | flags, &usage);
  } while (result != 0 && errno == EINTR);
  if (result != 0 || info.si_pid == 0) {
    return std::nullopt;
  }
  ProcessExit ended;
  ended.pid = info.si_pid;
  ended.status = info.si_code == CLD_EXITED ? ExitStatus::of_code(info.si_status)
                                            : ExitStatus::of_signal(info.si_status);
  ended.user_us = microseconds(usage.ru_utime);
  ended.system_us = microseconds(usage.ru_stime);
  ended.max_rss_kib = usage.ru_maxrss;
  return ended;
}

bool reap_by(int which, int id) {
  siginfo_t info{};
  long result = 0;
  do {
    result = ::syscall(SYS_waitid, which, id, &info, WEXITED | WNOHANG, nullptr);
  } while (result != 0 && errno == EINTR);
  return result == 0 && info.si_pid != 0;
}

/// struct pidfd_info of newer kernels than the headers we build with.
struct PidfdInfo {
  std::uint64_t mask = 0;
  std::uint64_t cgroup_id = 0;
  std::array<std::uint32_t, 11> ids{};
  std::int32_t exit_code = 0;
};
static_assert(sizeof(PidfdInfo) == 64);

constexpr std::uint64_t pidfd_info_exit = 1U << 3U;

}  // namespace

Fd open_pidfd(pid_t pid) {
  return Fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

bool signal_process(int pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

std::optional<ProcessExit> peek_exit(int pidfd) {
  return peek(P_PIDFD, pidfd, 0);
}

std::optional<ProcessExit> peek_any_exit(bool any_thread) {
  return peek(P_ALL, 0, any_thread ? 0 : __WNOTHREAD);
}

bool reap(int pidfd) {
  return reap_by(P_PIDFD, pidfd);
}

bool reap_pid(pid_t pid) {
  return reap_by(P_PID, pid);
}

std::optional<ExitStatus> exit_seen_from_outside(int pidfd) {
  PidfdInfo info;
  info.mask = pidfd_info_exit;
  constexpr unsigned long request = _IOWR(0xFF, 11, PidfdInfo);
  if (::ioctl(pidfd, request, &info) != 0 || (info.mask & pidfd_info_exit) == 0) {
    return std::nullopt;
  }
  return status_of_wait(info.exit_code);
}

ExitStatus status_of_wait(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    return ExitStatus::of_signal(WTERMSIG(wait_status));
  }
  return ExitStatus::of_code(WEXITSTATUS(wait_status));
}

std::optional<Tag> tag_of(pid_t pid) {
  std::array<char, 2048> buffer{};
  std::string_view text = read_proc(pid, "limits", buffer);
  constexpr std::string_view label = "Max file locks";
  const std::size_t line = text.find(label);
  if (line == std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(line + label.size());
  Tag tag;
  const std::string_view soft = next_word(text);
  const std::string_view hard = next_word(text);
  if (!parse_limit(soft, tag.key) || !parse_limit(hard, tag.space)) {
    return std::nullopt;
  }
  return tag;
}

Tag own_tag() {
  rlimit limit{};
  ::getrlimit(RLIMIT_LOCKS, &limit);
  return {limit.rlim_cur, limit.rlim_max};
}

bool set_own_tag(const Tag& tag) {
  const rlimit limit{tag.key, tag.space};
  return ::setrlimit(RLIMIT_LOCKS, &limit) == 0;
}

std::optional<ProcessStat> stat_of(pid_t pid) {
  std::array<char, 1024> buffer{};
  std::string_view text = read_proc(pid, "stat", buffer);
  // The name may hold spaces and brackets: what follows the last bracket is regular.
  const std::size_t bracket = text.rfind(')');
  if (bracket == std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(bracket + 1);
  ProcessStat stat;
  const std::string_view state = next_word(text);
  stat.state = state.empty() ? '?' : state.front();
  bool good = parse_number(next_word(text), stat.parent);
  good = parse_number(next_word(text), stat.group) && good;
  good = parse_number(next_word(text), stat.session) && good;
  constexpr int fields_before_start = 15;
  for (int skipped = 0; skipped < fields_before_start; ++skipped) {
    next_word(text);
  }
  good = parse_number(next_word(text), stat.start_ticks) && good;
  constexpr int fields_before_exit_code = 29;
  for (int skipped = 0; skipped < fields_before_exit_code; ++skipped) {
    next_word(text);
  }
  good = parse_number(next_word(text), stat.exit_code) && good;
  if (!good) {
    return std::nullopt;
  }
  return stat;
}

std::vector<std::string> command_line_of(pid_t pid) {
  std::vector<std::string> words;
  const Result<std::string> text = read_file(fmt::format("/proc/{}/cmdline", pid));
  if (!text) {
    return words;
  }
  std::size_t start = 0;
  while (start < text->size()) {
    const std::size_t end = std::min(text->find('\0', start), text->size());
    words.push_back(text->substr(start, end - start));
    start = end + 1;
  }
  return words;
}

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) {
    return pids;
  }
  // A DIR of our own is read by this thread alone.
  while (const dirent* entry = ::readdir(directory)) {  // NOLINT(concurrency-mt-unsafe)
    pid_t pid = 0;
    if (parse_number(std::string_view{static_cast<const char*>(entry->d_name)}, pid)) {
      pids.push_back(pid);
    }
  }
  ::closedir(directory);
  return pids;
}

std::optional<pid_t> last_pid(int loadavg) {
  std::array<char, 128> buffer{};
  const ssize_t got = ::pread(loadavg, buffer.data(), buffer.size(), 0);
  std::string_view text{buffer.data(), static_cast<std::size_t>(got < 0 ? 0 : got)};
  while (!text.empty() && text.back() == '\n') {
    text.remove_suffix(1);
  }
  const std::size_t space = text.rfind(' ');
  pid_t pid = 0;
  if (space == std::string_view::npos || !parse_number(text.substr(space + 1), pid)) {
    return std::nullopt;
  }
  return pid;
}

}  // namespace cattino::sys
