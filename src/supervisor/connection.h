// One connection to the supervisor: frames in, frames out, nothing blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "supervisor/environment.h"
#include "supervisor/frame.h"
#include "sys/fd.h"

namespace cattino::supervisor {

class Connection {
 public:
  explicit Connection(sys::Fd fd) : fd_{std::move(fd)} {}

  /// Reads what is there. False if the other side has gone.
  bool receive();

  FrameReader::Got next(ToSupervisor& message) { return reader_.next(message); }

  void send(const FromSupervisor& message) { encode(message, out_); }

  /// Writes what can be written. False if the other side has gone.
  bool flush();

  [[nodiscard]] bool unsent() const { return !out_.empty(); }
  [[nodiscard]] int fd() const { return fd_.get(); }

  bool waits_for_room = false;  ///< registered for EPOLLOUT, too
  std::unordered_map<std::uint64_t, std::shared_ptr<const Environment>> environments;

 private:
  sys::Fd fd_;
  FrameReader reader_;
  std::string out_;
};

}  // namespace cattino::supervisor
