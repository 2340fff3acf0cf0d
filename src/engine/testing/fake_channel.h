// A connection to a Python host that the test plays.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/channel.h"

namespace cattino::engine {

/// What the test's side holds; outlives the channel.
struct FakeHost {
  std::vector<std::string> lines;
  std::function<void(std::string_view)> line;
  std::function<void()> closed;
  bool open = true;

  /// The call of the last line that has `op`, "" if there is none.
  [[nodiscard]] std::string call_of(const std::string& op) const {
    std::string found;
    for (const std::string& each : lines) {
      const std::size_t at = each.find("\"call\":\"");
      if (each.find("\"op\":\"" + op + "\"") != std::string::npos && at != std::string::npos) {
        found = each.substr(at + 8, each.find('"', at + 8) - at - 8);
      }
    }
    return found;
  }
  void done(const std::string& call, bool ok = true) const {
    line(
        R"({"op":"done","call":")" + call + R"(","ok":)" + (ok ? "true" : "false") +
        R"(,"error":"ValueError: no"})");
  }
};

class FakeChannel final : public host::Channel {
 public:
  explicit FakeChannel(FakeHost& host) : host_(host) {}
  FakeChannel(const FakeChannel&) = delete;
  FakeChannel& operator=(const FakeChannel&) = delete;
  ~FakeChannel() override {
    host_.open = false;
    host_.line = nullptr;
  }
  void send(std::string line) override { host_.lines.push_back(std::move(line)); }
  void listen(std::function<void(std::string_view)> line, std::function<void()> closed) override {
    host_.line = std::move(line);
    host_.closed = std::move(closed);
  }

 private:
  FakeHost& host_;
};

}  // namespace cattino::engine
