// Messages as bytes and back; docs/protocol.md has the format.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "supervisor/messages.h"

namespace cattino::supervisor {

/// Appends the frame of a message to `out`.
void encode(const ToSupervisor& message, std::string& out);
void encode(const FromSupervisor& message, std::string& out);

/// Bytes as they arrive, and the whole messages in them.
class FrameReader {
 public:
  enum class Got {
    message,
    nothing,  ///< more bytes are needed
    broken,   ///< the other side does not speak this protocol: close the connection
  };

  void append(std::string_view bytes);

  /// Reads once from a descriptor. The result of read(): 0 at the end, negative with errno set.
  long read_from(int fd);

  /// The next message of a known type; others are skipped.
  Got next(ToSupervisor& message);
  Got next(FromSupervisor& message);

 private:
  template <class Message>
  Got take(Message& message);

  std::string buffer_;
  std::size_t used_ = 0;  ///< bytes at the front that were taken
};

}  // namespace cattino::supervisor
