// The daemon's end of its connection to the supervisor, over a Unix socket.
#include "supervisor/client.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "supervisor/frame.h"
#include "supervisor/journal.h"
#include "sys/fd.h"
#include "sys/loop.h"
#include "sys/sockets.h"

namespace cattino::supervisor {
namespace {

constexpr Duration retry_first = Duration::milliseconds(10);
constexpr Duration retry_last = Duration::seconds(1);
/// Its tasks must have ended first.
constexpr Duration retry_refused = Duration::seconds(10);

class SocketClient : public Client {
 public:
  SocketClient(sys::Loop& loop, std::string path, Handlers handlers)
      : loop_{&loop}, path_{std::move(path)}, handlers_{std::move(handlers)}, retry_{loop} {
    // Never from within connect(): the caller has not got us yet.
    retry_.arm({}, [this] { try_to_connect(); });
  }

  void send(const ToSupervisor& message) override {
    if (ready_) {
      encode(message, out_);
    }
  }

  void flush() override {
    std::size_t sent = 0;
    while (socket_ && sent < out_.size()) {
      const ssize_t wrote =
          ::send(socket_.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
      if (wrote < 0 && errno == EINTR) {
        continue;
      }
      if (wrote < 0) {
        break;  // Full; or broken, which the watch will see.
      }
      sent += static_cast<std::size_t>(wrote);
    }
    out_.erase(0, sent);
    if (socket_ && !out_.empty() && !waits_for_room_) {
      waits_for_room_ = true;
      watch_->when_writable([this] {
        waits_for_room_ = false;
        flush();
      });
    }
  }

 private:
  void try_to_connect() {
    Result<sys::Fd> socket = sys::connect_unix(path_);
    if (!socket || !sys::peer_is_same_user(socket->get())) {
      retry_.arm(delay_, [this] { try_to_connect(); });
      delay_ = std::min(delay_ * 2, retry_last);
      return;
    }
    delay_ = retry_first;
    socket_ = std::move(*socket);
    reader_ = FrameReader{};
    watch_ = std::make_unique<sys::Watch>(*loop_, socket_.get(), [this] { receive(); });
    encode(Hello{}, out_);
    flush();
  }

  void receive() {
    const long got = reader_.read_from(socket_.get());
    const bool closed = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    FromSupervisor message;
    FrameReader::Got taken = reader_.next(message);
    const bool any = taken == FrameReader::Got::message;
    while (taken == FrameReader::Got::message) {
      if (is_foreign(message)) {
        refuse(std::get<Welcome>(message).version);
        return;
      }
      ready_ = ready_ || std::holds_alternative<Synced>(message);
      handlers_.received(message);
      taken = reader_.next(message);
    }
    if (any) {
      handlers_.batch_ended();
    }
    if (closed || taken == FrameReader::Got::broken) {
      disconnect();
    }
  }

  static bool is_foreign(const FromSupervisor& message) {
    const auto* welcome = std::get_if<Welcome>(&message);
    return welcome != nullptr && welcome->version != protocol_version;
  }

  void refuse(std::uint32_t version) {
    delay_ = retry_refused;
    disconnect();
    if (handlers_.refused) {
      handlers_.refused(version);
    }
  }

  void disconnect() {
    ready_ = false;
    watch_.reset();
    socket_.reset();
    out_.clear();
    waits_for_room_ = false;
    retry_.arm(delay_, [this] { try_to_connect(); });
    handlers_.disconnected();
  }

  sys::Loop* loop_;
  std::string path_;
  Handlers handlers_;
  sys::Timer retry_;
  Duration delay_ = retry_first;
  sys::Fd socket_;
  std::unique_ptr<sys::Watch> watch_;
  FrameReader reader_;
  std::string out_;
  bool ready_ = false;  ///< it has told all it knows
  bool waits_for_room_ = false;
};

}  // namespace

std::unique_ptr<Client> connect(sys::Loop& loop, const std::string& path, Handlers handlers) {
  return std::make_unique<SocketClient>(loop, path, std::move(handlers));
}

std::vector<std::uint64_t> keys_in_journal(const std::string& state_directory) {
  std::vector<std::uint64_t> keys;
  for (const auto& [key, past] : read_journal(journal_of(state_directory)).past) {
    keys.push_back(key);
  }
  return keys;
}

}  // namespace cattino::supervisor
