// Hosts that come, die and are replaced.
#include "host/hosts.h"

#include <gtest/gtest.h>

namespace cattino::host {
namespace {

struct Played {
  std::vector<std::string> lines;
  std::function<void(std::string_view)> line;
  std::function<void()> closed;
};

class PlayedChannel final : public Channel {
 public:
  explicit PlayedChannel(Played& played) : played_(played) {}
  void send(std::string line) override { played_.lines.push_back(std::move(line)); }
  void listen(std::function<void(std::string_view)> line, std::function<void()> closed) override {
    played_.line = std::move(line);
    played_.closed = std::move(closed);
  }

 private:
  Played& played_;
};

class HostsTest : public ::testing::Test {
 protected:
  Handlers handlers() {
    Handlers handlers;
    handlers.start = [this](HostKey key) {
      started_.push_back(key.generation);
    };
    handlers.introduction = [](SubmissionId) {
      return std::string("objects");
    };
    handlers.hook_done = [this](const std::string& call, bool ok, const std::string&) {
      told_.push_back(call + (ok ? " ok" : " raised"));
    };
    handlers.run_failed = [this](const std::string& call, const std::string&) {
      told_.push_back(call + " failed");
    };
    handlers.printed = [](const std::string&, const std::string&) {
    };
    handlers.gave_up = [this](const std::string& call, const std::string&) {
      told_.push_back(call + " given up");
    };
    handlers.replaced = [this](SubmissionId) {
      ++replaced_;
    };
    return handlers;
  }
  void attach(Played& played) { hosts_.attach(one, std::make_unique<PlayedChannel>(played)); }
  void exit(std::uint32_t generation) {
    hosts_.exited({one, generation}, ExitStatus::of_signal(9));
  }

  static constexpr SubmissionId one{1};
  std::vector<std::uint32_t> started_;
  std::vector<std::string> told_;
  int replaced_ = 0;
  Hosts hosts_{handlers()};
};

TEST_F(HostsTest, The_first_call_starts_a_host_and_waits_for_it) {
  hosts_.call(one, "t1/1/on_start", "line");
  hosts_.call(one, "t1/1/on_start", "line");
  EXPECT_EQ(started_, (std::vector<std::uint32_t>{1}));
  Played host;
  attach(host);
  EXPECT_EQ(host.lines, (std::vector<std::string>{"objects", "line"}));
  host.line(R"({"op":"done","call":"t1/1/on_start","ok":true})");
  host.line(R"({"op":"done","call":"t1/1/on_start","ok":true})");
  EXPECT_EQ(told_, (std::vector<std::string>{"t1/1/on_start ok"}));
}

TEST_F(HostsTest, A_generation_stays_within_the_key_of_its_host) {
  hosts_.call(one, "a", "line a");
  Played first;
  attach(first);
  first.line(R"({"op":"hello","pid":1,"generation":65535})");
  exit(65535);
  EXPECT_EQ(started_, (std::vector<std::uint32_t>{1, 1}));
}

TEST_F(HostsTest, After_a_broken_connection_open_calls_are_repeated) {
  hosts_.call(one, "a", "line a");
  Played first;
  attach(first);
  first.closed();
  Played second;
  attach(second);
  EXPECT_EQ(second.lines, (std::vector<std::string>{"objects", "line a"}));
  EXPECT_EQ(started_.size(), 1U);
}

TEST_F(HostsTest, A_call_over_which_three_hosts_died_is_given_up) {
  hosts_.call(one, "a", "line a");
  for (std::uint32_t generation = 1; generation <= 3; ++generation) {
    Played host;
    attach(host);
    exit(generation);
  }
  EXPECT_EQ(told_, (std::vector<std::string>{"a given up"}));
  EXPECT_EQ(started_.size(), 3U);
  EXPECT_EQ(replaced_, 2);
}

TEST_F(HostsTest, An_answered_run_is_not_repeated) {
  hosts_.call(one, "t1/1/run", "line");
  Played first;
  attach(first);
  hosts_.answered(one, "t1/1/run");
  exit(1);
  EXPECT_EQ(started_.size(), 1U);
  EXPECT_FALSE(hosts_.busy());
}

TEST_F(HostsTest, A_host_known_from_before_is_not_started_again) {
  hosts_.started({one, 4});
  hosts_.call(one, "a", "line");
  EXPECT_TRUE(started_.empty());
  exit(4);
  EXPECT_EQ(started_, (std::vector<std::uint32_t>{5}));
}

TEST_F(HostsTest, A_host_that_the_supervisor_forgot_is_replaced) {
  hosts_.call(one, "a", "line");
  hosts_.expect_report();
  hosts_.forget_unknown();
  EXPECT_EQ(started_.size(), 2U);
}

TEST_F(HostsTest, Leaving_waits_for_open_calls_and_tells_late_comers) {
  hosts_.call(one, "a", "line");
  hosts_.leave(one);
  Played host;
  attach(host);
  EXPECT_EQ(host.lines.back(), "line");
  host.line(R"({"op":"done","call":"a","ok":true})");
  EXPECT_EQ(host.lines.back(), leave_line());
}

}  // namespace
}  // namespace cattino::host
