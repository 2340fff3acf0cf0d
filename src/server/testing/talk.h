// A client without a thread: both ends of a connection in one hand, on a loop that turns when it is told to.
#pragma once

#include <string>
#include <string_view>

#include "server/connection.h"
#include "server/testing/fake_engine.h"
#include "sys/fd.h"
#include "sys/loop.h"

namespace cattino::server::testing {

class Talk {
 public:
  Talk();

  /// Sends a piece and lets the server do what it can.
  void send(std::string_view piece);

  /// The client goes, and the connection with it. What rule was broken by then; empty: none.
  std::string end();

  [[nodiscard]] const std::string& received() const { return received_; }

 private:
  void turn();

  sys::Loop loop_;
  FakeEngine engine_{loop_};
  Surroundings surroundings_;
  sys::Fd client_;
  std::string received_;
  bool ended_ = false;
  bool failed_ = false;  ///< an answer with status 500
};

}  // namespace cattino::server::testing
