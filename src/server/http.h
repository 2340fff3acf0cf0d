// Requests and answers as plain values, and the way back to the client. What speaks HTTP is in
// connection.cc; a verb's file includes this one and compiles in a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace cattino::host {
class Channel;
}

namespace cattino::wire {
struct Problem;
}

namespace cattino::server {

struct Request {
  std::string method;
  std::string path;                ///< as it was sent, without the query
  std::vector<std::string> parts;  ///< of the path, decoded: "v1", "tasks", "a/b"
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in their order
  std::string upgrade;   ///< the protocol that the client asks to go on with
  std::string argument;  ///< the part of the path that stood for {}; set by the router
  std::string body;      ///< whole, where the verb takes it whole
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::string allow;  ///< with 405: the methods that are
};

/// One request that is being answered. Lives in its connection; ends when the answer has been sent or
/// the client is gone.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void send(Response response) = 0;
  virtual void begin(std::string content_type) = 0;
  virtual void write(std::string piece) = 0;
  [[nodiscard]] virtual std::size_t unsent_bytes() const = 0;
  virtual void on_sent(std::function<void()> callback) = 0;
  virtual void keep(std::shared_ptr<void> what) = 0;
  virtual std::unique_ptr<host::Channel> channel() = 0;
  virtual void upgrade() = 0;
};

/// The way back to the client; can be kept and copied for as long as one likes. When the client is gone
/// or has its answer, all calls do nothing. Loop thread only.
class Responder {
 public:
  Responder() = default;
  explicit Responder(std::weak_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

  /// The whole answer. The first counts.
  void send(Response response) const;
  void send(std::string json) const {
    send(Response{200, std::move(json), "application/json", {}});
  }
  void fail(const Error& error) const;
  void fail(const wire::Problem& problem) const;

  /// An answer in pieces that ends with the connection.
  void begin(std::string content_type) const;
  void write(std::string piece) const;
  [[nodiscard]] std::size_t unsent_bytes() const;
  /// Called whenever everything that was written has been taken by the system.
  void on_sent(std::function<void()> callback) const;

  /// Destroys `what` when the exchange ends: when the client has its answer, or is gone.
  void keep(std::shared_ptr<void> what) const;
  [[nodiscard]] bool gone() const { return exchange_.expired(); }

  /// What the connection becomes with `upgrade`; before, it only collects what it is to send. Null if
  /// the client is gone.
  [[nodiscard]] std::unique_ptr<host::Channel> channel() const;
  void upgrade() const;

 private:
  std::weak_ptr<Exchange> exchange_;
};

/// Takes a body as it arrives. Destroyed when it is over, or with its client.
class Body {
 public:
  virtual ~Body() = default;
  /// The most bytes it takes; a longer one is refused unread.
  [[nodiscard]] virtual std::uint64_t limit() const = 0;
  /// False: it was answered, the rest is not wanted.
  virtual bool take(std::string_view piece) = 0;
  virtual void end() = 0;
};

/// Begins a request: who takes its body, or null if it has been answered.
using Open = std::function<std::unique_ptr<Body>(Request request, Responder responder)>;

}  // namespace cattino::server
