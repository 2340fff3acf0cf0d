// Lines over a socket. Writes of one turn leave together.
#include "server/line_channel.h"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "server/limits.h"
#include "sys/loop.h"

namespace cattino::server {

class LineSocket : public std::enable_shared_from_this<LineSocket> {
 public:
  explicit LineSocket(sys::Loop& loop) : loop_(loop) {}

  void open(sys::Fd fd, const std::string& head, const std::string& received) {
    if (dead_) {
      return;
    }
    fd_ = std::move(fd);
    outgoing_.insert(0, head);
    incoming_.insert(0, received);
    start_reading();
    flush_soon();
  }

  void send(const std::string& line) {
    if (dead_) {
      return;
    }
    outgoing_ += line;
    outgoing_ += '\n';
    flush_soon();
  }

  void listen(std::function<void(std::string_view)> line, std::function<void()> closed) {
    line_ = std::move(line);
    closed_ = std::move(closed);
    if (dead_) {
      tell_closed();
    }
    start_reading();
  }

  /// Nothing is called any more.
  void abandon() {
    line_ = nullptr;
    closed_ = nullptr;
    shut();
  }

  /// The other side is gone, or does what it must not.
  void end() {
    if (dead_) {
      return;
    }
    shut();
    tell_closed();
  }

 private:
  void tell_closed() {
    loop_.post([self = shared_from_this()] {
      if (self->closed_) {
        std::exchange(self->closed_, nullptr)();
      }
    });
  }

  void shut() {
    dead_ = true;
    watch_.reset();
    fd_.reset();
  }

  void start_reading() {
    if (!fd_ || !line_ || watch_) {
      return;
    }
    watch_ = std::make_unique<sys::Watch>(loop_, fd_.get(), [this] { read(); });
    loop_.post([self = shared_from_this()] { self->deliver(); });
    flush_soon();
  }

  void read() {
    const auto self = shared_from_this();
    constexpr std::size_t piece_bytes = 65536;
    const std::size_t had = incoming_.size();
    incoming_.resize(had + piece_bytes);
    const ssize_t count = ::recv(fd_.get(), incoming_.data() + had, piece_bytes, MSG_DONTWAIT);
    const int error = errno;
    incoming_.resize(had + (count > 0 ? static_cast<std::size_t>(count) : 0));
    if (count > 0) {
      deliver();
    } else if (count == 0 || (error != EAGAIN && error != EINTR)) {
      end();
    }
  }

  void deliver() {
    const auto line = line_;  // which may end the channel, and with it this function's members
    std::size_t begin = 0;
    std::size_t newline = incoming_.find('\n', searched_);
    while (line_ && !dead_ && newline != std::string::npos) {
      line(std::string_view{incoming_}.substr(begin, newline - begin));
      begin = newline + 1;
      newline = incoming_.find('\n', begin);
    }
    incoming_.erase(0, begin);
    searched_ = incoming_.size();
    if (incoming_.size() > line_bytes_max) {
      end();
    }
  }

  void flush_soon() {
    if (flushing_ || !fd_ || outgoing_.empty()) {
      return;
    }
    flushing_ = true;
    loop_.post([self = shared_from_this()] { self->flush(); });
  }

  void flush() {
    flushing_ = false;
    while (!dead_ && sent_ < outgoing_.size()) {
      const std::string_view rest = std::string_view{outgoing_}.substr(sent_);
      const ssize_t count =
          ::send(fd_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count >= 0) {
        sent_ += static_cast<std::size_t>(count);
      } else if (errno == EAGAIN) {
        wait_writable();
        return;
      } else if (errno != EINTR) {
        end();
      }
    }
    outgoing_.clear();
    sent_ = 0;
  }

  void wait_writable() {
    if (outgoing_.size() - sent_ > channel_unsent_bytes_max) {
      end();
      return;
    }
    if (!watch_) {  // Nobody listens yet; what is left goes with the first that is sent then.
      return;
    }
    flushing_ = true;
    watch_->when_writable([self = shared_from_this()] { self->flush(); });
  }

  sys::Loop& loop_;
  sys::Fd fd_;
  std::unique_ptr<sys::Watch> watch_;  // after fd_: it goes first
  std::string outgoing_;
  std::size_t sent_ = 0;  // bytes of outgoing_ that have left
  std::string incoming_;
  std::size_t searched_ = 0;  // bytes of incoming_ that hold no newline
  std::function<void(std::string_view)> line_;
  std::function<void()> closed_;
  bool flushing_ = false;
  bool dead_ = false;
};

LineChannel::~LineChannel() {
  socket_->abandon();
}

void LineChannel::send(std::string line) {
  socket_->send(line);
}

void LineChannel::listen(std::function<void(std::string_view)> line, std::function<void()> closed) {
  socket_->listen(std::move(line), std::move(closed));
}

std::shared_ptr<LineSocket> make_line_socket(sys::Loop& loop) {
  return std::make_shared<LineSocket>(loop);
}

void open(LineSocket& socket, sys::Fd fd, const std::string& head, const std::string& received) {
  socket.open(std::move(fd), head, received);
}

void close(LineSocket& socket) {
  socket.end();
}

}  // namespace cattino::server
