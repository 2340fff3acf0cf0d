// Responses in pieces of any size, and a connection whose other end is this test.
#include "cli/http.h"

#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cattino::cli {
namespace {

constexpr const char* chunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: 1\r\n\r\n";

TEST(ResponseReader, reads_a_response_that_comes_byte_by_byte) {
  ResponseReader reader;
  std::string body;
  for (const char* c = chunked; *c != 0; ++c) {
    EXPECT_FALSE(reader.done());
    ASSERT_TRUE(reader.feed({c, 1}, body));
  }
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.status(), 200);
  EXPECT_EQ(body, "hello world");
}

TEST(ResponseReader, reads_it_in_one_piece_too) {
  ResponseReader reader;
  std::string body;
  ASSERT_TRUE(reader.feed(chunked, body));
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(body, "hello world");
}

TEST(ResponseReader, reads_a_body_by_its_length_whatever_the_case_of_the_header) {
  ResponseReader reader;
  std::string body;
  ASSERT_TRUE(reader.feed("HTTP/1.1 404 Not Found\r\ncontent-LENGTH:  3 \r\n\r\nab", body));
  EXPECT_FALSE(reader.done());
  ASSERT_TRUE(reader.feed("cd", body));
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(body, "abc");
  EXPECT_EQ(reader.status(), 404);
}

TEST(ResponseReader, a_response_without_a_length_lasts_until_the_end) {
  ResponseReader reader;
  std::string body;
  ASSERT_TRUE(reader.feed("HTTP/1.1 200 OK\r\n\r\nabc", body));
  EXPECT_FALSE(reader.done());
  EXPECT_TRUE(reader.end_of_input());
  EXPECT_TRUE(reader.done());
}

TEST(ResponseReader, skips_100_continue) {
  ResponseReader reader;
  std::string body;
  ASSERT_TRUE(reader.feed(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", body));
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.status(), 201);
}

TEST(ResponseReader, an_end_in_the_middle_is_an_error) {
  ResponseReader reader;
  std::string body;
  ASSERT_TRUE(reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", body));
  EXPECT_FALSE(reader.end_of_input());
}

TEST(ResponseReader, what_is_no_http_is_refused) {
  for (const char* text :
       {"SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 abc\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"}) {
    ResponseReader reader;
    std::string body;
    EXPECT_FALSE(reader.feed(text, body)) << text;
  }
}

TEST(ResponseReader, a_head_without_an_end_is_refused) {
  ResponseReader reader;
  std::string body;
  ASSERT_TRUE(reader.feed("HTTP/1.1 200 OK\r\nX: ", body));
  EXPECT_FALSE(reader.feed(std::string(ResponseReader::head_bytes_max, 'x'), body));
}

/// A connection, and the end of the server.
struct Pair {
  Connection client{sys::Fd()};
  sys::Fd server;

  Pair() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    client = Connection(sys::Fd(ends[0]));
    server = sys::Fd(ends[1]);
  }

  void answer(std::string_view text) const {
    EXPECT_EQ(write(server.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  [[nodiscard]] std::string received() const {
    char buffer[4096];
    const ssize_t count = read(server.get(), buffer, sizeof(buffer));
    return {buffer, count > 0 ? static_cast<std::size_t>(count) : 0};
  }
};

TEST(Connection, calls_one_request_after_the_other) {
  Pair pair;
  pair.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  const auto first = pair.client.call({"GET", "/v1/health", {}, {}});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 200);
  EXPECT_EQ(first->body, "{}");
  EXPECT_EQ(pair.received(), "GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n");

  pair.answer("HTTP/1.1 409 Conflict\r\nContent-Length: 1\r\n\r\nx");
  const auto second = pair.client.call({"POST", "/v1/kill", "application/json", "{\"all\":true}"});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->status, 409);
  EXPECT_EQ(
      pair.received(),
      "POST /v1/kill HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 12\r\n\r\n{\"all\":true}");
}

TEST(Connection, streams_a_body_in_chunks) {
  Pair pair;
  pair.answer("");
  int left = 3;
  std::thread server([&] {
    std::string all;
    while (all.find("\r\n0\r\n\r\n") == std::string::npos) {
      all += pair.received();
    }
    EXPECT_NE(all.find("\r\n\r\n2\r\nx3\r\n2\r\nx2\r\n2\r\nx1\r\n0\r\n\r\n"), std::string::npos)
        << all;
    pair.answer("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
  });
  const auto response = pair.client.call_streaming(
      {"POST", "/v1/submissions", "application/x-ndjson", {}}, [&](std::string& piece) {
        piece += "x" + std::to_string(left);
        return --left > 0;
      });
  server.join();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 201);
}

TEST(Connection, an_early_refusal_ends_the_sending) {
  Pair pair;
  pair.answer("HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\nno");
  int pieces = 0;
  const auto response = pair.client.call_streaming(
      {"POST", "/v1/submissions", "application/x-ndjson", {}}, [&](std::string& piece) {
        piece = "x";
        return ++pieces < 1000;
      });
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 422);
  EXPECT_EQ(pieces, 1);
}

TEST(Connection, an_answer_that_was_sent_before_the_end_broke_is_still_read) {
  Pair pair;
  pair.answer("HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\nno");
  pair.server.reset();
  const auto response = pair.client.call({"POST", "/v1/kill", "application/json", "{}"});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 413);
}

TEST(Connection, tells_that_it_broke_before_the_whole_answer) {
  Pair silent;
  silent.server.reset();
  EXPECT_FALSE(silent.client.call({"GET", "/", {}, {}}));
  EXPECT_TRUE(silent.client.was_cut());

  Pair torn;
  torn.answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
  shutdown(torn.server.get(), SHUT_WR);
  EXPECT_FALSE(torn.client.call({"GET", "/", {}, {}}));
  EXPECT_TRUE(torn.client.was_cut());

  Pair wrong;
  wrong.answer("HTTP/9.9 nonsense\r\n\r\n");
  EXPECT_FALSE(wrong.client.call({"GET", "/", {}, {}}));
  EXPECT_FALSE(wrong.client.was_cut());
}

TEST(Connection, reads_an_answer_without_an_end_as_it_comes) {
  Pair pair;
  pair.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n");
  const auto status = pair.client.begin({"GET", "/v1/feed", {}, {}});
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, 200);
  std::string body;
  ASSERT_TRUE(*pair.client.read_some(body));
  EXPECT_EQ(body, "a\nb");
  pair.answer("2\r\nc\n\r\n");
  ASSERT_TRUE(*pair.client.read_some(body));
  EXPECT_EQ(body, "a\nbc\n");
  pair.answer("0\r\n\r\n");
  ASSERT_TRUE(pair.client.read_some(body));
  EXPECT_FALSE(*pair.client.read_some(body));
}

TEST(Http, names_are_encoded_as_one_component) {
  EXPECT_EQ(percent_encoded("a/b#1 é"), "a%2Fb%231%20%C3%A9");
}

}  // namespace
}  // namespace cattino::cli
