// The daemon's end of its connection to the supervisor: an interface, because the engine's tests have a
// fake of it, and the real one over a Unix socket.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "supervisor/messages.h"

namespace cattino::sys {
class Loop;
}

namespace cattino::supervisor {

/// Sends to the supervisor. What is sent while it is away is dropped: after each Welcome…Synced the
/// engine asks again for all that is outstanding. Loop thread only.
class Client {
 public:
  virtual ~Client() = default;
  virtual void send(const ToSupervisor& message) = 0;

  /// Bytes leave in one write at the end of a turn.
  virtual void flush() = 0;
};

/// Where its answers go. `disconnected` is followed by reconnecting; then Welcome comes again.
struct Handlers {
  std::function<void(const FromSupervisor&)> received;
  std::function<void()> disconnected;
  /// Called after one read's worth of `received`: a turn ends here.
  std::function<void()> batch_ended;
  /// It speaks another version of the protocol: it is asked again, seldom, until another one answers.
  std::function<void(std::uint32_t version)> refused = {};
};

/// Connects to the socket at `path` and says Hello; reconnects (after 10 ms doubling to 1 s) for as long
/// as it lives. Calls `handlers` on the loop's thread, never from within send.
std::unique_ptr<Client> connect(sys::Loop& loop, const std::string& path, Handlers handlers);

/// The keys that the supervisor of this state directory has, or that its successor will have.
std::vector<std::uint64_t> keys_in_journal(const std::string& state_directory);

}  // namespace cattino::supervisor
