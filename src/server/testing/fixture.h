// A server over a fake engine, whose loop runs on a thread of its own while the test is the client.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "server/router.h"
#include "server/server.h"
#include "server/testing/fake_engine.h"
#include "server/testing/raw_client.h"
#include "sys/sockets.h"
#include "sys/test_directory.h"

namespace cattino::server::testing {

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<sys::Fd> listener = sys::listen_unix(path_, 64);
    EXPECT_TRUE(listener);
    server_ = std::make_unique<Server>(
        loop_,
        std::move(*listener),
        route_to(Context{engine_, "box"}),
        [this](std::string_view body) { failures_.emplace_back(body); });
    thread_ = std::thread([this] { loop_.run(); });
  }

  void TearDown() override {
    on_loop([this] {
      server_.reset();
      engine_.channel.reset();
      EXPECT_EQ(engine_.handles, 0) << "a handle outlived its connection";
    });
    loop_.stop();
    thread_.join();
  }

  /// Runs `work` on the loop's thread, and waits for it.
  void on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  /// Lets the loop turn until `condition` holds there; false if it does not within ten seconds.
  bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    bool holds = false;
    while (!holds && std::chrono::steady_clock::now() < deadline) {
      on_loop([&] { holds = condition(); });
    }
    return holds;
  }

  RawClient client() { return RawClient{path_}; }

  sys::TestDirectory directory_;
  std::string path_ = directory_.path() + "/meow.sock";
  sys::Loop loop_;
  FakeEngine engine_{loop_};
  std::vector<std::string> failures_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

}  // namespace cattino::server::testing
