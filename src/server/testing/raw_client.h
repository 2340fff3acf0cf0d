// A client that sends whatever bytes it likes. Blocking; gives up after ten seconds of silence.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sys/fd.h"

namespace cattino::server::testing {

struct Reply {
  int status = 0;  ///< 0: the connection ended without an answer
  std::string head;
  std::string body;
  [[nodiscard]] bool closes() const { return head.find("Connection: close") != std::string::npos; }
};

class RawClient {
 public:
  explicit RawClient(const std::string& path);

  /// False once the server has closed its side.
  bool send(std::string_view bytes);
  /// The next answer with a length.
  Reply receive();
  /// The next chunk of an answer in pieces; reads its head first. "" at the end.
  std::string receive_chunk();
  /// The next line; "" at the end.
  std::string receive_line();
  /// True if the server has closed the connection (waits for it).
  bool ended();
  void close() { fd_.reset(); }
  void shut_sending();

  Reply ask(std::string_view bytes) {
    send(bytes);
    return receive();
  }
  Reply get(std::string_view target);
  Reply post(std::string_view target, std::string_view body);

 private:
  bool fill();
  std::string take_until(std::string_view end);
  std::string take(std::size_t count);

  sys::Fd fd_;
  std::string received_;
};

}  // namespace cattino::server::testing
