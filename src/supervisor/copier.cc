// Copying, with an end.
#include "supervisor/copier.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/amounts.h"
#include "base/result.h"
#include "sys/fd.h"
#include "sys/files.h"

namespace cattino::supervisor {
namespace {

/// Held until the end, for a starter who waits for it.
constexpr int last_fd = 7;

constexpr std::size_t piece = std::size_t{64} << 10U;

/// From one pipe into one log.
class Copy {
 public:
  Copy(CopierFds fds, std::uint64_t limit)
      : from_{fds.from}, to_{fds.to}, limit_{limit}, left_{limit} {}

  [[nodiscard]] int fd() const { return from_.get(); }

  /// Takes what is there. False at the end: nobody can write any more.
  bool step(std::vector<char>& buffer, int nowhere) {
    if (full_ && ::splice(from_.get(), nullptr, nowhere, nullptr, piece, 0) > 0) {
      return true;
    }
    const ssize_t got = ::read(from_.get(), buffer.data(), buffer.size());
    if (got <= 0) {
      return got < 0 && (errno == EINTR || errno == EAGAIN);
    }
    if (!full_) {
      take({buffer.data(), static_cast<std::size_t>(got)});
    }
    return true;
  }

 private:
  void take(std::string_view text) {
    const std::string_view kept = text.substr(0, std::min<std::uint64_t>(text.size(), left_));
    left_ -= kept.size();
    put(kept);
    if (kept.size() == text.size()) {
      return;
    }
    full_ = true;
    const auto mib = static_cast<std::int64_t>(limit_ >> 20U);
    const std::string size = mib > 0 ? describe(Mib{mib}) : fmt::format("{} bytes", limit_);
    put(fmt::format(
        "{}cattino: the log ends here: it has reached its limit of {}; the task goes on\n",
        in_line_ ? "\n" : "",
        size));
    to_.reset();
  }

  /// What cannot be written (a full disk) is lost, and the log says so as soon as it can.
  void put(std::string_view text) {
    if (text.empty()) {
      return;
    }
    if (error_ != 0) {
      const std::string note = fmt::format(
          "\ncattino: output is missing here: {}\n", system_error("write", "it", error_).message);
      if (sys::write_all(to_.get(), note) != 0) {
        return;
      }
    }
    error_ = sys::write_all(to_.get(), text);
    in_line_ = text.back() != '\n';
  }

  sys::Fd from_;
  sys::Fd to_;
  std::uint64_t limit_;
  std::uint64_t left_;
  int error_ = 0;         ///< why the last piece could not be written
  bool full_ = false;     ///< the limit is reached
  bool in_line_ = false;  ///< the last byte was no newline
};

/// Which of them can be read from; none after a signal.
std::vector<bool> wait_for(const std::vector<Copy>& copies) {
  std::vector<pollfd> sources;
  sources.reserve(copies.size());
  for (const Copy& copy : copies) {
    sources.push_back({copy.fd(), POLLIN, 0});
  }
  std::vector<bool> ready(copies.size());
  if (::poll(sources.data(), sources.size(), -1) > 0) {
    std::transform(sources.begin(), sources.end(), ready.begin(), [](const pollfd& source) {
      return source.revents != 0;
    });
  }
  return ready;
}

/// The task may still have something to say when the machine goes down or the session ends: the end of
/// its output is the end of this.
void ignore_signals() {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) {
    ::signal(signal, SIG_IGN);
  }
}

}  // namespace

int copy_logs(std::uint64_t limit) {
  ::prctl(PR_SET_NAME, "meow-copier");
  ::syscall(
      SYS_close_range, static_cast<unsigned>(last_fd) + 1, ~0U, 0);  // whatever a starter left open
  ignore_signals();
  const sys::Fd nowhere{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  std::vector<char> buffer(piece);
  std::vector<Copy> copies;
  for (const CopierFds& fds : copier_fds) {
    if (::fcntl(fds.from, F_GETFD) >= 0) {
      copies.emplace_back(fds, limit);
    }
  }
  while (!copies.empty()) {
    const std::vector<bool> ready = wait_for(copies);
    std::size_t at = 0;
    std::erase_if(
        copies, [&](Copy& copy) { return ready[at++] && !copy.step(buffer, nowhere.get()); });
  }
  return 0;
}

int copy_logs_apart(std::uint64_t limit) {
  const pid_t child = ::fork();
  if (child != 0) {
    return child > 0 ? 0 : 1;
  }
  return copy_logs(limit);
}

}  // namespace cattino::supervisor
