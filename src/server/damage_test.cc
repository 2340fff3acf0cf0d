// Damaged requests: an answer that says what is wrong, or the end of the connection; never a crash.
#include <array>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/dice.h"
#include "server/testing/talk.h"

namespace cattino::server {
namespace {

std::string post(std::string_view target, std::string_view body) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", target, body.size(), body);
}

std::string submission() {
  return post(
      "/v1/submissions",
      R"({"submission":{"groups":1,"tasks":2,"cwd":"/w","environment":{"PATH":"/bin"},"limits":{"nofile":[1024,-1]}}}
{"objects":"gASVBQ=="}
{"group":{"ref":1,"name":"g","hooks":["on_end"],"object":0,"max_parallel":2}}
{"task":{"ref":2,"name":"a","group":1,"command":"python a.py","request":{"min_devices":2,"memory":"20GiB","cpus":1.5,"resources":{"licence":1}},"retries":2,"retry_on":[3,"oom"]}}
{"task":{"ref":3,"name":"b","argv":["echo","x"],"not_before":1769860800000,"env":{"A":"b"}}}
{"edge":[2,3,"any"]}
{"end":{"edges":1}}
)");
}

std::string chunked() {
  return "POST /v1/wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
         "f\r\n{\"names\":[\"a\"]}\r\n0\r\n\r\n";
}

std::string any_conversation(Dice& dice) {
  const std::array all = {
      submission(),
      chunked(),
      std::string{"GET /v1/tasks?name=a%2Fb&status=Waiting&limit=3 HTTP/1.1\r\nHost: x\r\n\r\n"},
      std::string{"GET /v1/tasks/a HTTP/1.1\r\nHost: x\r\n\r\n"},
      post("/v1/cancel", R"({"names":["a"],"wait":true})"),
      post("/v1/remove", R"({"match":"^a"})"),
      std::string{"GET /v1/feed?since=3&output=1 HTTP/1.1\r\nHost: x\r\n\r\n"},
      std::string{"GET /v1/devices HTTP/1.0\r\n\r\n"},
      post("/v1/exit", R"({"keep_tasks":true})"),
      std::string{"POST /v1/hosts/7 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                  "Upgrade: cattino-host/1\r\n\r\n{\"op\":\"hello\",\"pid\":1}\n"}};
  std::string text;
  for (std::uint64_t requests = 1 + dice.below(3); requests > 0; --requests) {
    text += all.at(dice.below(all.size()));
  }
  return text;
}

void damage(std::string& text, Dice& dice) {
  for (std::uint64_t strokes = dice.below(5); strokes > 0 && !text.empty(); --strokes) {
    const std::size_t at = dice.below(text.size());
    switch (dice.below(4)) {
      case 0:
        text.erase(at, dice.below(20));
        break;
      case 1:
        text.insert(at, text, dice.below(text.size()), dice.below(40));
        break;
      default:
        text[at] = static_cast<char>(dice.below(256));
        break;
    }
  }
}

class Damage : public ::testing::TestWithParam<int> {};

TEST_P(Damage, OfRequestsIsAnsweredOrEndsTheConnection) {
  constexpr int conversations = 200;
  Dice dice(static_cast<std::uint64_t>(GetParam()));
  for (int i = 0; i < conversations; ++i) {
    std::string text = any_conversation(dice);
    damage(text, dice);
    const std::size_t piece = 1 + dice.below(dice.one_in(2) ? 16 : 4096);
    testing::Talk talk;
    for (std::string_view rest = text; !rest.empty();) {
      talk.send(rest.substr(0, piece));
      rest.remove_prefix(std::min(piece, rest.size()));
    }
    EXPECT_EQ(talk.end(), "") << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Damage, ::testing::Range(1, 11));

/// What is whole is answered, each request of a connection in its turn.
TEST(Talk, WholeRequestsAreAnswered) {
  testing::Talk talk;
  talk.send(
      "GET /v1/devices HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(talk.end(), "");
  EXPECT_NE(talk.received().find("HTTP/1.1 200 OK"), std::string::npos);
  EXPECT_NE(talk.received().find("HTTP/1.1 404 Not Found"), std::string::npos);
}

}  // namespace
}  // namespace cattino::server
