// HTTP/1.1 with Beast: heads and bodies are parsed by it, answers are written by hand.
//
// A connection goes round:  head → body, piece by piece → answer → head …
// and leaves the circle to `drain` (an answer that came before the body was over, or the last one: what
// the client still sends is read, so that it comes to read the answer), to a host's line channel, or
// to `close`. While an answer is awaited, a hang-up of the client ends the connection; a client that
// only shuts its sending side is still answered.
#include "server/connection.h"

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <fmt/core.h>
#include <poll.h>

#include "base/version.h"
#include "server/limits.h"
#include "server/line_channel.h"
#include "server/target.h"
#include "sys/loop.h"
#include "wire/problem.h"

namespace cattino::server {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t piece_bytes = 65536;
constexpr std::size_t usual_head_bytes = 4096;

std::string_view phrase(int status) {
  return {
      http::obsolete_reason(static_cast<http::status>(status)).data(),
      http::obsolete_reason(static_cast<http::status>(status)).size()};
}

class HttpConnection;

/// The request that is being answered now. Outlives it in the hands of responders, then does nothing.
class HttpExchange : public Exchange {
 public:
  explicit HttpExchange(HttpConnection& connection) : connection_(&connection) {}
  void end() { connection_ = nullptr; }

  void send(Response response) override;
  void begin(std::string content_type) override;
  void write(std::string piece) override;
  [[nodiscard]] std::size_t unsent_bytes() const override;
  void on_sent(std::function<void()> callback) override;
  void keep(std::shared_ptr<void> what) override;
  std::unique_ptr<host::Channel> channel() override;
  void upgrade() override;

 private:
  HttpConnection* connection_;
};

class HttpConnection : public Connection, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(const Surroundings& surroundings, sys::Fd fd)
      : surroundings_(surroundings),
        socket_(surroundings.loop.context(), asio::local::stream_protocol{}, fd.release()),
        drain_timer_(surroundings.loop) {}

  void start() {
    buffer_.reserve(usual_head_bytes);  // Beast reads as much as has room.
    read_head();
  }
  void close() override;
  [[nodiscard]] std::size_t unsent_bytes() const override {
    return outgoing_.size() + sending_.size();
  }

 private:
  friend class HttpExchange;

  // ---- reading
  void read_head();
  void on_head(const error_code& error);
  void refuse_head(const error_code& error);
  void begin_exchange();
  Request request_of_head();
  void begin_body();
  void read_body();
  void on_body(const error_code& error);
  void await_answer();

  // ---- answering
  void send(const Response& response);
  void begin(std::string_view content_type);
  void write(std::string_view piece);
  void flush();
  void on_written(const error_code& error);
  void end_exchange();
  void upgrade();
  void drain();
  void read_drained();

  const Surroundings& surroundings_;
  asio::local::stream_protocol::socket socket_;
  boost::beast::flat_buffer buffer_{header_bytes_max + piece_bytes};
  std::optional<http::request_parser<http::buffer_body>> parser_;
  std::vector<char> piece_;
  sys::Timer drain_timer_;
  std::uint64_t drained_bytes_ = 0;

  std::shared_ptr<HttpExchange> exchange_;
  std::unique_ptr<Body> body_;
  std::vector<std::shared_ptr<void>> kept_;
  std::function<void()> on_sent_;
  std::shared_ptr<LineSocket> line_socket_;

  std::string outgoing_;
  std::string sending_;  // what the pending write sends
  bool reading_body_ = false;
  bool whole_ = false;     // the request has been read to its end
  bool answered_ = false;  // the answer has been given whole
  bool begun_ = false;     // the head of an answer in pieces has been given
  bool chunked_ = false;   // … which has chunks
  bool last_ = false;      // the connection ends with this answer
  bool watches_end_ = false;
  bool closed_ = false;
};

// ---- reading ----------------------------------------------------------------------------------------

void HttpConnection::read_head() {
  parser_.emplace();
  parser_->header_limit(header_bytes_max);
  parser_->body_limit(boost::none);
  http::async_read_header(
      socket_,
      buffer_,
      *parser_,
      [self = shared_from_this()](const error_code& error, std::size_t) {
        if (!self->closed_) {
          self->on_head(error);
        }
      });
}

void HttpConnection::on_head(const error_code& error) {
  if (error) {
    refuse_head(error);
    return;
  }
  begin_exchange();
  whole_ = parser_->is_done();
  last_ = !parser_->keep_alive();
  Request request = request_of_head();
  const Responder responder{exchange_};
  if (const Status target = read_target(
          std::string_view{parser_->get().target().data(), parser_->get().target().size()},
          request);
      !target) {
    wire::Problem problem = wire::problem_of(target.error());
    problem.status = 400;
    responder.fail(problem);
    return;
  }
  body_ = surroundings_.open(std::move(request), responder);
  if (body_ && !answered_) {
    begin_body();
  }
}

Request HttpConnection::request_of_head() {
  const auto& head = parser_->get();
  Request request;
  request.method = std::string(head.method_string());
  if (http::token_list{head[http::field::connection]}.exists("upgrade")) {
    request.upgrade = std::string(head[http::field::upgrade]);
  }
  return request;
}

void HttpConnection::refuse_head(const error_code& error) {
  const bool is_http =
      error.category() == http::make_error_code(http::error::end_of_stream).category();
  if (!is_http || error == http::error::end_of_stream || error == http::error::partial_message) {
    close();
    return;
  }
  begin_exchange();
  last_ = true;
  const Responder responder{exchange_};
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    responder.fail(Error{
        ErrorCode::too_large, fmt::format("the head is over {} KiB", header_bytes_max / 1024)});
    return;
  }
  wire::Problem problem =
      wire::problem_of(Error{ErrorCode::invalid, "this is not HTTP: " + error.message()});
  problem.status = 400;
  responder.fail(problem);
}

void HttpConnection::begin_exchange() {
  exchange_ = std::make_shared<HttpExchange>(*this);
  whole_ = false;
  answered_ = false;
  begun_ = false;
  last_ = false;
  chunked_ = false;
}

void HttpConnection::begin_body() {
  if (whole_) {
    body_->end();
    await_answer();
    return;
  }
  const auto length = parser_->content_length();
  if (length && *length > body_->limit()) {
    Responder{exchange_}.fail(Error{
        ErrorCode::too_large,
        fmt::format("a body of {} bytes is over the limit of {}", *length, body_->limit())});
    return;
  }
  if (boost::beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
    outgoing_ += "HTTP/1.1 100 Continue\r\n\r\n";
    flush();
  }
  read_body();
}

void HttpConnection::read_body() {
  piece_.resize(piece_bytes);
  buffer_.reserve(piece_bytes);
  auto& into = parser_->get().body();
  into.data = piece_.data();
  into.size = piece_.size();
  reading_body_ = true;
  http::async_read_some(
      socket_,
      buffer_,
      *parser_,
      [self = shared_from_this()](const error_code& error, std::size_t) {
        if (!self->closed_) {
          self->on_body(error);
        }
      });
}

void HttpConnection::on_body(const error_code& error) {
  reading_body_ = false;
  if (answered_) {  // It did not wait for the rest.
    end_exchange();
    return;
  }
  const Responder responder{exchange_};
  if (error && error != http::error::need_buffer) {
    const bool is_http =
        error.category() == http::make_error_code(http::error::end_of_stream).category();
    if (!is_http || error == http::error::end_of_stream || error == http::error::partial_message) {
      close();
      return;
    }
    wire::Problem problem =
        wire::problem_of(Error{ErrorCode::invalid, "the body is not HTTP: " + error.message()});
    problem.status = 400;
    responder.fail(problem);
    return;
  }
  const std::size_t count = piece_.size() - parser_->get().body().size;
  const bool wanted = count == 0 || body_->take({piece_.data(), count});
  if (answered_ || !wanted) {
    return;
  }
  if (!parser_->is_done()) {
    read_body();
    return;
  }
  whole_ = true;
  body_->end();
  await_answer();
}

/// A client that goes away ends the connection, and with it a wait or a subscription.
void HttpConnection::await_answer() {
  if (answered_ || watches_end_ || closed_) {
    return;
  }
  watches_end_ = true;
  socket_.async_wait(
      asio::socket_base::wait_error, [self = shared_from_this()](const error_code& error) {
        self->watches_end_ = false;
        if (error || self->closed_) {
          return;
        }
        pollfd state{self->socket_.native_handle(), 0, 0};
        ::poll(&state, 1, 0);
        if ((state.revents & (POLLHUP | POLLERR)) != 0) {
          self->close();
        }
      });
}

// ---- answering --------------------------------------------------------------------------------------

void HttpConnection::send(const Response& response) {
  if (answered_ || begun_) {
    return;
  }
  answered_ = true;
  last_ = last_ || !whole_;
  if (response.status == 500 && surroundings_.failed) {
    surroundings_.failed(response.body);
  }
  outgoing_ += fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
      response.status,
      phrase(response.status),
      response.content_type,
      response.body.size());
  if (response.status >= 400) {  // so that a client of another version can say so
    outgoing_ += fmt::format("Server: cattino/{}\r\n", program_version);
  }
  if (!response.allow.empty()) {
    outgoing_ += fmt::format("Allow: {}\r\n", response.allow);
  }
  outgoing_ += last_ ? "Connection: close\r\n\r\n" : "\r\n";
  outgoing_ += response.body;
  flush();
}

void HttpConnection::begin(std::string_view content_type) {
  if (answered_ || begun_) {
    return;
  }
  begun_ = true;
  chunked_ = parser_->get().version() >= 11;
  outgoing_ += fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\n", content_type);
  outgoing_ += chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "Connection: close\r\n\r\n";
  flush();
}

void HttpConnection::write(std::string_view piece) {
  if (!begun_ || piece.empty()) {
    return;
  }
  if (chunked_) {
    outgoing_ += fmt::format("{:x}\r\n", piece.size());
  }
  outgoing_ += piece;
  if (chunked_) {
    outgoing_ += "\r\n";
  }
  flush();
}

void HttpConnection::flush() {
  if (!sending_.empty() || outgoing_.empty() || closed_) {
    return;
  }
  sending_.swap(outgoing_);
  asio::async_write(
      socket_,
      asio::buffer(sending_),
      [self = shared_from_this()](const error_code& error, std::size_t) {
        if (!self->closed_) {
          self->on_written(error);
        }
      });
}

void HttpConnection::on_written(const error_code& error) {
  sending_.clear();
  if (error) {
    close();
    return;
  }
  if (!outgoing_.empty()) {
    flush();
    return;
  }
  if (answered_) {
    end_exchange();
  } else if (on_sent_) {
    const std::function<void()> call = on_sent_;
    call();
  }
  surroundings_.sent();
}

void HttpConnection::end_exchange() {
  if (reading_body_ || unsent_bytes() > 0) {
    return;  // Called again when that is over.
  }
  if (exchange_) {
    exchange_->end();
    exchange_.reset();
  }
  body_.reset();
  kept_.clear();
  on_sent_ = nullptr;
  line_socket_.reset();
  if (last_) {
    drain();
  } else {
    read_head();
  }
}

void HttpConnection::upgrade() {
  if (closed_ || !line_socket_) {
    return;
  }
  const auto* received = static_cast<const char*>(buffer_.data().data());
  error_code error;
  const int fd = socket_.release(error);
  if (!error) {
    open(
        *line_socket_,
        sys::Fd{fd},
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
        "cattino-host/1\r\n\r\n",
        std::string(received, buffer_.size()));
    line_socket_.reset();
  }
  close();
}

void HttpConnection::drain() {
  error_code error;
  socket_.shutdown(asio::socket_base::shutdown_send, error);
  drain_timer_.arm(drain_time_max, [this] { close(); });
  piece_.resize(piece_bytes);
  read_drained();
}

void HttpConnection::read_drained() {
  socket_.async_read_some(
      asio::buffer(piece_),
      [self = shared_from_this()](const error_code& error, std::size_t count) {
        if (self->closed_) {
          return;
        }
        self->drained_bytes_ += count;
        if (error || self->drained_bytes_ > drain_bytes_max) {
          self->close();
        } else {
          self->read_drained();
        }
      });
}

void HttpConnection::close() {
  if (closed_) {
    return;
  }
  closed_ = true;
  drain_timer_.cancel();
  error_code error;
  socket_.close(error);
  if (exchange_) {
    exchange_->end();
    exchange_.reset();
  }
  if (line_socket_) {
    server::close(*line_socket_);
    line_socket_.reset();
  }
  body_.reset();
  kept_.clear();
  on_sent_ = nullptr;
  outgoing_.clear();
  surroundings_.ended(*this);
}

// ---- the exchange -----------------------------------------------------------------------------------

void HttpExchange::send(Response response) {
  if (connection_ != nullptr) {
    connection_->send(response);
  }
}

void HttpExchange::begin(std::string content_type) {
  if (connection_ != nullptr) {
    connection_->begin(content_type);
  }
}

void HttpExchange::write(std::string piece) {
  if (connection_ != nullptr) {
    connection_->write(piece);
  }
}

std::size_t HttpExchange::unsent_bytes() const {
  return connection_ != nullptr ? connection_->unsent_bytes() : 0;
}

void HttpExchange::on_sent(std::function<void()> callback) {
  if (connection_ != nullptr) {
    connection_->on_sent_ = std::move(callback);
  }
}

void HttpExchange::keep(std::shared_ptr<void> what) {
  if (connection_ != nullptr) {
    connection_->kept_.push_back(std::move(what));
  }
}

std::unique_ptr<host::Channel> HttpExchange::channel() {
  if (connection_ == nullptr) {
    return nullptr;
  }
  connection_->line_socket_ = make_line_socket(connection_->surroundings_.loop);
  return std::make_unique<LineChannel>(connection_->line_socket_);
}

void HttpExchange::upgrade() {
  if (connection_ != nullptr && connection_->line_socket_) {
    // Later: the handler that asks for it is still at work in this connection.
    connection_->surroundings_.loop.post(
        [connection = connection_->shared_from_this()] { connection->upgrade(); });
  }
}

}  // namespace

Connection* start_connection(const Surroundings& surroundings, sys::Fd fd) {
  const auto connection = std::make_shared<HttpConnection>(surroundings, std::move(fd));
  connection->start();
  return connection.get();
}

}  // namespace cattino::server
