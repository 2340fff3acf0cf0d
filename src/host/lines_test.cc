// Lines between daemon and host.
#include "host/lines.h"

#include <gtest/gtest.h>

namespace cattino::host {
namespace {

TEST(HostLines, Objects_travel_as_base64_with_their_nodes) {
  EXPECT_EQ(
      objects_line("a\xff\0b", {{{false, 41}, 1, 0, "train", "g/train", "g"}}),
      R"({"op":"objects","pickle":"Yf8=","nodes":[{"kind":"task","id":41,"ref":1,"object":0,)"
      R"("name":"train","fullname":"g/train","group":"g"}]})");
}

TEST(HostLines, A_hook_carries_what_self_shows) {
  HookCall call;
  call.call = "t41/1/on_end";
  call.node = {false, 41};
  call.hook = "on_end";
  call.status = "Failed";
  call.exit_code = -9;
  call.devices = {0, 2};
  const std::string line = hook_line(call);
  EXPECT_NE(line.find(R"("devices":[0,2])"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("exit_code":-9)"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("pid":null)"), std::string::npos) << line;
}

TEST(HostLines, A_run_carries_what_self_shows) {
  RunCall call;
  call.call = "t41/2/run";
  call.node = {false, 41};
  call.attempt = 2;
  call.devices = {1};
  call.created = Time{7'000};
  call.priority = -3;
  call.run_dir = "/runs/1";
  const std::string line = run_line(call);
  EXPECT_NE(
      line.find(R"("task":{"status":"Running","attempt":2,"devices":[1],"create_time":7,)"
                R"("priority":-3,"run_dir":"/runs/1"})"),
      std::string::npos)
      << line;
}

TEST(HostLines, Replies_are_read) {
  const auto done = parse_reply(R"({"op":"done","call":"t1/1/on_start","ok":true})");
  ASSERT_TRUE(done);
  EXPECT_TRUE(std::get<HookDone>(done.value()).ok);
  const auto hello = parse_reply(R"({"op":"hello","pid":7,"generation":2})");
  ASSERT_TRUE(hello);
  EXPECT_EQ(std::get<Hello>(hello.value()).generation, 2U);
}

TEST(HostLines, A_hook_that_begins_may_have_a_limit_of_its_own) {
  const auto plain = parse_reply(R"({"op":"begun","call":"t1/1/on_start"})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(std::get<Begun>(plain.value()).limit, std::nullopt);
  const auto limited = parse_reply(R"({"op":"begun","call":"t1/1/on_start","limit":1500})");
  ASSERT_TRUE(limited);
  EXPECT_EQ(std::get<Begun>(limited.value()).limit, Duration::milliseconds(1500));
}

TEST(HostLines, A_hook_says_how_long_it_may_take_and_what_comes_after_it) {
  HookCall call;
  EXPECT_EQ(hook_line(call).find("limit"), std::string::npos);
  call.then = "on_fail";
  call.limit = Duration::seconds(3);
  EXPECT_NE(hook_line(call).find(R"("then":"on_fail","limit":3000)"), std::string::npos);
}

TEST(HostLines, An_error_may_tell_of_a_path_that_is_no_text) {
  const auto done = parse_reply(
      "{\"op\":\"done\",\"call\":\"t1/1/on_end\",\"ok\":false,\"error\":\"no \xff.txt\"}");
  ASSERT_TRUE(done);
  EXPECT_EQ(std::get<HookDone>(done.value()).error, "no \xff.txt");
}

TEST(HostLines, What_is_no_reply_is_an_error) {
  for (const char* line :
       {"",
        "{",
        "[]",
        "1",
        R"({"op":"dance"})",
        R"({"op":3})",
        R"({"op":"begun","call":"a","limit":-1})",
        R"({"op":"begun","call":"a","limit":9000000000000000000})",
        R"({"op":"hello","generation":65536})",
        R"({"op":"hello","generation":-1})"}) {
    EXPECT_FALSE(parse_reply(line)) << line;
  }
}

}  // namespace
}  // namespace cattino::host
