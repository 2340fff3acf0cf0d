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
    handlers.objects_lost = [this](SubmissionId) {
      ++lost_;
    };
    handlers.now = [this] {
      return now_;
    };
    handlers.due_changed = [this](Time due) {
      armed_ = due && (!armed_ || due < armed_) ? due : armed_;
    };
    handlers.abort = [this](HostKey key) {
      aborted_.push_back(key.generation);
    };
    return handlers;
  }
  void attach(Played& played) { hosts_.attach(one, std::make_unique<PlayedChannel>(played)); }
  /// Time passes until the owner's timer has fired as often as it was armed.
  void pass_until_due() {
    while (armed_) {
      now_ = std::max(now_, armed_);
      armed_ = {};
      hosts_.end_hung();
      armed_ = hosts_.due();
    }
  }
  void exit(std::uint32_t generation) {
    hosts_.exited({one, generation}, ExitStatus::of_signal(9));
  }

  static constexpr SubmissionId one{1};
  static constexpr SubmissionId two{2};
  std::vector<std::uint32_t> started_;
  std::vector<std::string> told_;
  int lost_ = 0;
  Time now_{1'000'000};
  Time armed_;  ///< for when `end_hung` is called, as its owner would
  std::vector<std::uint32_t> aborted_;
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
  EXPECT_EQ(lost_, 3);
}

TEST_F(HostsTest, Only_calls_that_had_begun_count_a_death) {
  hosts_.call(one, "bad", "line bad");
  hosts_.call(one, "good", "line good");
  for (std::uint32_t generation = 1; generation <= 3; ++generation) {
    Played host;
    attach(host);
    host.line(R"({"op":"begun","call":"bad"})");
    exit(generation);
  }
  EXPECT_EQ(told_, (std::vector<std::string>{"bad given up"}));
  Played last;
  attach(last);
  EXPECT_EQ(last.lines, (std::vector<std::string>{"objects", "line good"}));
}

TEST_F(HostsTest, A_host_that_is_silent_for_too_long_is_ended_and_what_it_had_begun_fails) {
  constexpr Duration limit = Duration::seconds(10);
  hosts_.call(one, "hangs", "line hangs", limit);
  hosts_.call(one, "waits", "line waits", limit);
  Played host;
  attach(host);
  now_ = now_ + Duration::seconds(3);
  host.line(R"({"op":"begun","call":"hangs"})");
  EXPECT_EQ(hosts_.due(), now_ + limit + Hosts::patience);
  now_ = hosts_.due() - Duration{1};
  hosts_.end_hung();
  EXPECT_TRUE(aborted_.empty());
  now_ = hosts_.due();
  hosts_.end_hung();
  hosts_.end_hung();
  EXPECT_EQ(aborted_, (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(hosts_.due(), Time{});
  exit(1);
  EXPECT_EQ(told_, (std::vector<std::string>{"hangs given up"}));
  Played next;
  attach(next);
  EXPECT_EQ(next.lines, (std::vector<std::string>{"objects", "line waits"}));
  EXPECT_EQ(hosts_.due(), now_ + Hosts::loading + Hosts::patience);
}

TEST_F(HostsTest, The_second_host_that_hangs_before_it_begins_anything_fails_all_calls) {
  hosts_.call(one, "a", "line a", Duration::seconds(1));
  hosts_.call(one, "b", "line b", Duration::seconds(1));
  EXPECT_EQ(hosts_.due(), now_ + Hosts::loading + Hosts::patience);
  pass_until_due();
  exit(1);
  EXPECT_TRUE(told_.empty());
  pass_until_due();
  exit(2);
  EXPECT_EQ(told_, (std::vector<std::string>{"a given up", "b given up"}));
  EXPECT_EQ(hosts_.due(), Time{});
}

TEST_F(HostsTest, A_host_that_begins_one_function_after_the_other_is_alive) {
  constexpr Duration limit = Duration::seconds(10);
  hosts_.call(one, "t0", "line", limit);
  Played host;
  attach(host);
  for (int number = 1; number < 100; ++number) {
    hosts_.call(one, "t" + std::to_string(number), "line", limit);
    now_ = now_ + Duration::seconds(5);
    hosts_.answered(one, "t" + std::to_string(number - 1));
    EXPECT_GT(hosts_.due(), now_ + limit);
  }
}

TEST_F(HostsTest, Only_hooks_that_have_begun_can_hold_a_host_up) {
  hosts_.call(one, "short", "line", Duration::seconds(3600));
  hosts_.call(one, "long", "line", Duration::seconds(3600));
  Played host;
  attach(host);
  host.line(R"({"op":"begun","call":"short","limit":2000})");
  EXPECT_EQ(armed_, now_ + Duration::seconds(2) + Hosts::patience);
  host.line(R"({"op":"begun","call":"long"})");
  EXPECT_EQ(hosts_.due(), now_ + Duration::seconds(3600) + Hosts::patience);
  host.line(R"({"op":"done","call":"long","ok":true})");
  EXPECT_EQ(armed_, now_ + Duration::seconds(2) + Hosts::patience);
  now_ = now_ + Duration::seconds(7);
  pass_until_due();
  EXPECT_EQ(aborted_, (std::vector<std::uint32_t>{1}));
}

TEST_F(HostsTest, A_hook_is_hurried_when_its_host_is_connected_again) {
  hosts_.call(one, "a", "line a");
  Played host;
  attach(host);
  host.closed();
  hosts_.hurry(one, "a", {});
  Played again;
  attach(again);
  EXPECT_EQ(again.lines.back(), hurry_line("a", Duration::milliseconds(1)));
}

TEST_F(HostsTest, A_hook_without_a_limit_may_take_as_long_as_it_likes) {
  hosts_.call(one, "a", "line a", Duration::seconds(1));
  hosts_.call(one, "b", "line b");
  EXPECT_EQ(hosts_.due(), Time{});
  Played host;
  attach(host);
  host.line(R"({"op":"begun","call":"b","limit":2000})");
  EXPECT_EQ(hosts_.due(), now_ + Duration::seconds(2) + Hosts::patience);
  host.line(R"({"op":"begun","call":"a","limit":0})");
  EXPECT_EQ(hosts_.due(), Time{});
  host.line(R"({"op":"done","call":"a","ok":true})");
  EXPECT_EQ(hosts_.due(), now_ + Duration::seconds(2) + Hosts::patience);
  host.line(R"({"op":"done","call":"b","ok":true})");
  EXPECT_EQ(hosts_.due(), Time{});
}

TEST_F(HostsTest, A_host_that_was_idle_for_long_is_looked_at_as_well) {
  hosts_.call(one, "a", "line a", Duration::seconds(1));
  Played host;
  attach(host);
  host.line(R"({"op":"done","call":"a","ok":true})");
  pass_until_due();
  now_ = now_ + Duration::seconds(100);
  hosts_.call(one, "b", "line b", Duration::seconds(1));
  EXPECT_EQ(armed_, now_ + Duration::seconds(1) + Hosts::patience);
  pass_until_due();
  EXPECT_EQ(aborted_, (std::vector<std::uint32_t>{1}));
}

TEST_F(HostsTest, A_host_that_hangs_beside_a_hook_that_may_is_looked_at_after_that) {
  hosts_.call(one, "any time", "line");
  hosts_.call(one, "short", "line", Duration::seconds(1));
  Played host;
  attach(host);
  pass_until_due();
  EXPECT_TRUE(aborted_.empty());
  host.line(R"({"op":"done","call":"any time","ok":true})");
  pass_until_due();
  EXPECT_EQ(aborted_, (std::vector<std::uint32_t>{1}));
}

TEST_F(HostsTest, Of_a_host_that_hung_already_under_another_daemon_nothing_is_known) {
  hosts_.started({one, 4});
  hosts_.call(one, "a", "line a", Duration::seconds(1));
  pass_until_due();
  exit(4);
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(started_, (std::vector<std::uint32_t>{5}));
  pass_until_due();
  exit(5);
  EXPECT_EQ(told_, (std::vector<std::string>{"a given up"}));
}

TEST_F(HostsTest, A_hook_that_is_hurried_may_take_no_longer_than_that) {
  constexpr Duration grace = Duration::seconds(3);
  hosts_.call(one, "a", "line a");
  hosts_.hurry(one, "a", grace);
  Played host;
  attach(host);
  EXPECT_EQ(host.lines, (std::vector<std::string>{"objects", "line a", hurry_line("a", grace)}));
  host.line(R"({"op":"begun","call":"a","limit":0})");
  EXPECT_EQ(hosts_.due(), now_ + grace + Hosts::patience);
  hosts_.hurry(one, "unknown", grace);
  hosts_.hurry_all(grace * 2);
  EXPECT_EQ(host.lines.back(), hurry_line("a", grace * 2));
  EXPECT_EQ(hosts_.due(), now_ + grace + Hosts::patience);
  pass_until_due();
  exit(1);
  EXPECT_EQ(told_, (std::vector<std::string>{"a given up"}));
}

TEST_F(HostsTest, A_host_whose_abortion_was_not_heard_is_looked_at_again) {
  hosts_.call(one, "a", "line a", Duration::seconds(1));
  now_ = hosts_.due();
  hosts_.end_hung();
  hosts_.started({one, 1});
  now_ = hosts_.due();
  hosts_.end_hung();
  EXPECT_EQ(aborted_, (std::vector<std::uint32_t>{1, 1}));
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

TEST_F(HostsTest, It_is_told_when_objects_are_lost) {
  hosts_.call(one, "a", "line");
  exit(1);
  EXPECT_EQ(lost_, 0) << "it never had them";
  Played host;
  attach(host);
  host.line(R"({"op":"done","call":"a","ok":true})");
  exit(2);
  EXPECT_EQ(lost_, 1) << "also when nobody calls";
  hosts_.exited({two, 3}, ExitStatus::of_signal(9));
  EXPECT_EQ(lost_, 2) << "of a host that an earlier daemon started";
  hosts_.started({two, 4});
  hosts_.leave(two);
  hosts_.exited({two, 4}, ExitStatus::of_code(0));
  EXPECT_EQ(lost_, 2) << "it was told to leave";
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
