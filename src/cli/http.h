// HTTP/1.1 as a client on a Unix socket: the part of it that the daemon speaks, and no more, because a
// command must start and end within milliseconds. Blocking; used from one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/fd.h"

namespace cattino::cli {

struct Request {
  std::string method = "GET";
  std::string target;  ///< path and query, encoded
  std::string content_type = "application/json";
  std::string body;
};

struct Response {
  int status = 0;
  std::string body;
  std::string server;  ///< "cattino/0.1.0" of an error; may be empty
};

/// Reads one response out of bytes as they come. States: head → body (by length, by chunks, or until
/// the end of the connection) → done.
class ResponseReader {
 public:
  static constexpr std::size_t head_bytes_max = 65536;

  /// Takes bytes; what they hold of the body is appended to `body`.
  Status feed(std::string_view bytes, std::string& body);
  /// The connection has ended. An error if the response has not.
  Status end_of_input();

  [[nodiscard]] bool head_done() const { return state_ > State::header; }
  [[nodiscard]] bool done() const { return state_ == State::done; }
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& server() const { return server_; }

 private:
  enum class State : std::uint8_t {
    status_line,
    header,
    length_body,
    chunk_size,
    chunk_data,
    chunk_end,
    trailer,
    body_until_end,
    done
  };

  bool take_line(std::string_view& bytes);
  Status on_line();
  Status on_status_line();
  Status on_header();
  Status on_chunk_size();
  void on_head_end();

  State state_ = State::status_line;
  std::string line_;  ///< what has come of the current line
  std::size_t head_bytes_ = 0;
  int status_ = 0;
  std::string server_;
  bool chunked_ = false;
  std::optional<std::uint64_t> length_;
  std::uint64_t left_ = 0;  ///< bytes of the body, or of the chunk, still to come
};

/// Called until it returns false; appends the next piece of a body.
using BodySource = std::function<bool(std::string& piece)>;

/// A connection to the daemon; kept open between requests.
class Connection {
 public:
  static Result<Connection> open(const std::string& socket_path);
  explicit Connection(sys::Fd fd) : fd_(std::move(fd)) {}

  Result<Response> call(const Request& request);
  /// Sends a body of unknown length, in chunks. An answer that comes early ends the sending.
  Result<Response> call_streaming(const Request& request, const BodySource& source);

  /// The two halves of a call, for who has to wait for other things as well.
  Status send(const Request& request);
  Result<Response> receive() { return read_response(); }

  /// For an answer without an end: sends, and reads the head of the answer.
  Result<int> begin(const Request& request);
  /// Reads once, appends to `body`; waits if nothing is there (poll `fd()` first). False at the end.
  Result<bool> read_some(std::string& body);

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// True if the connection broke before the whole answer had come: the request may have been heard, and
  /// what it asks for been done.
  [[nodiscard]] bool was_cut() const { return was_cut_; }

 private:
  Status send_all(std::string_view bytes);
  Result<bool> readable_now() const;
  Result<Response> read_response();
  Error broken(std::string_view doing, int error_number);

  sys::Fd fd_;
  ResponseReader reader_;
  std::string ahead_;  ///< bytes of the body that came with the head
  bool was_cut_ = false;
};

/// `text` as one component of a path, or as a value in a query.
std::string percent_encoded(std::string_view text);

}  // namespace cattino::cli
