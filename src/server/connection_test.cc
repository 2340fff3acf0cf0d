// HTTP itself: keep-alive, limits, noise, and clients that vanish.
#include <random>

#include <fmt/core.h>

#include "server/limits.h"
#include "server/testing/fixture.h"

namespace cattino::server::testing {
namespace {

class Connections : public ServerTest {};

constexpr std::string_view health = "GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(Connections, serve_one_request_after_the_other) {
  RawClient client = this->client();
  for (int i = 0; i < 5; ++i) {
    const Reply reply = client.ask(health);
    EXPECT_EQ(reply.status, 200);
    EXPECT_FALSE(reply.closes());
  }
  client.send(std::string(health) + std::string(health));
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(client.receive().status, 200) << "the second of two sent at once";
}

TEST_F(Connections, close_when_the_client_wants_it) {
  RawClient client = this->client();
  EXPECT_TRUE(client.ask("GET /v1/health HTTP/1.1\r\nConnection: close\r\n\r\n").closes());
  EXPECT_TRUE(client.ended());
  RawClient old = this->client();
  EXPECT_EQ(old.ask("GET /v1/health HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(old.ended());
}

TEST_F(Connections, take_a_head_and_body_in_single_bytes) {
  RawClient client = this->client();
  for (const char c : std::string_view("POST /v1/exit HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")) {
    client.send({&c, 1});
  }
  EXPECT_EQ(client.receive().status, 200);
}

TEST_F(Connections, say_go_on_to_a_client_that_asks) {
  RawClient client = this->client();
  client.send("POST /v1/exit HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  EXPECT_EQ(client.ask("{}").status, 200);
}

TEST_F(Connections, name_the_nearest_route) {
  RawClient client = this->client();
  const Reply reply = client.get("/v1/task");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(
      reply.body,
      R"({"title":"Not found","status":404,"detail":"there is nothing at /v1/task",)"
      R"("hint":"did you mean /v1/tasks?"})");
  EXPECT_EQ(client.get("/").status, 404);
  EXPECT_EQ(client.get("/v1/tasks/a/b").status, 404);
  EXPECT_EQ(client.get("/v1/tasks%2").status, 400) << "a wrong escape";
}

TEST_F(Connections, name_the_method_that_is_right) {
  RawClient client = this->client();
  const Reply reply = client.get("/v1/cancel");
  EXPECT_EQ(reply.status, 405);
  EXPECT_NE(reply.head.find("Allow: POST\r\n"), std::string::npos);
  EXPECT_EQ(client.ask(health).status, 200) << "and goes on";
}

TEST_F(Connections, refuse_a_body_over_the_limit_unread) {
  RawClient client = this->client();
  const Reply reply = client.ask(
      fmt::format("POST /v1/cancel HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body_bytes_max + 1));
  EXPECT_EQ(reply.status, 413);
  EXPECT_TRUE(reply.closes());
  EXPECT_TRUE(client.send(std::string(body_bytes_max + 1, ' '))) << "it is read all the same";
  client.shut_sending();
  EXPECT_TRUE(client.ended());
}

TEST_F(Connections, refuse_chunks_that_grow_over_the_limit) {
  RawClient client = this->client();
  client.send("POST /v1/cancel HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = fmt::format("10000\r\n{}\r\n", std::string(65536, ' '));
  for (int i = 0; i < 17; ++i) {
    client.send(chunk);
  }
  EXPECT_EQ(client.receive().status, 413);
}

TEST_F(Connections, take_a_body_and_a_head_at_their_limits) {
  RawClient client = this->client();
  std::string body = R"({"names":["a"]})";
  body.resize(body_bytes_max, ' ');
  EXPECT_EQ(client.post("/v1/cancel", body).status, 200);
  const std::string filler(header_bytes_max - 100, 'x');
  EXPECT_EQ(
      client.ask(fmt::format("GET /v1/health HTTP/1.1\r\nX-Filler: {}\r\n\r\n", filler)).status,
      200);
  EXPECT_EQ(
      client
          .ask(fmt::format(
              "GET /v1/health HTTP/1.1\r\nX-Filler: {}xxxxxxxxx{}\r\n\r\n", filler, filler))
          .status,
      413);
}

TEST_F(Connections, answer_noise_once_and_go_on_with_others) {
  RawClient noisy = this->client();
  std::mt19937 random{7};
  std::string noise(1'000'000, '\0');
  for (char& c : noise) {
    c = static_cast<char>(random() % 256);
  }
  bool sent = true;
  for (int i = 0; i < 100 && sent; ++i) {
    sent = noisy.send(noise);
  }
  EXPECT_TRUE(sent);
  EXPECT_EQ(noisy.receive().status, 400);
  noisy.shut_sending();
  EXPECT_TRUE(noisy.ended());
  RawClient client = this->client();
  EXPECT_EQ(client.ask(health).status, 200);
}

TEST_F(Connections, survive_every_cut_of_a_request) {
  const std::string request =
      "POST /v1/cancel HTTP/1.1\r\nTransfer-Encoding: "
      "chunked\r\n\r\n7\r\n{\"all\":\r\n5\r\ntrue}\r\n0\r\n\r\n";
  for (std::size_t length = 0; length <= request.size(); ++length) {
    RawClient client = this->client();
    client.send(std::string_view{request}.substr(0, length));
  }
  RawClient client = this->client();
  EXPECT_EQ(client.ask(request).status, 200);
}

TEST_F(Connections, refuse_chunks_that_are_none) {
  RawClient client = this->client();
  EXPECT_EQ(
      client.ask("POST /v1/exit HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzebra\r\n").status,
      400);
}

TEST_F(Connections, end_with_the_server_after_the_answers_have_left) {
  RawClient waiting = this->client();
  waiting.send("POST /v1/wait HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
  ASSERT_TRUE(eventually([this] { return engine_.handles == 1; }));
  bool finished = false;
  on_loop([&] {
    engine_.wait_answer(engine::WaitView{});
    server_->finish([&finished] { finished = true; });
  });
  EXPECT_EQ(waiting.receive().status, 200);
  EXPECT_TRUE(eventually([&finished] { return finished; }));
}

TEST_F(Connections, of_a_daemon_that_cannot_work_say_why) {
  on_loop([this] {
    server_.reset();
    Result<sys::Fd> listener = sys::listen_unix(path_, 8);
    ASSERT_TRUE(listener);
    server_ = std::make_unique<Server>(
        loop_,
        std::move(*listener),
        refuse_all(
            Error{ErrorCode::corrupt, "state.db is damaged", {}, "move it away"},
            {[this](bool keep_tasks) { engine_.kept_tasks = !keep_tasks; },
             [] {
               return Result<std::string>("/state.db.away");
             }}),
        nullptr);
  });
  RawClient client = this->client();
  EXPECT_EQ(
      client.get("/v1/tasks").body,
      R"({"title":"Damaged data","status":500,"detail":"state.db is damaged","hint":"move it away"})");
  EXPECT_EQ(client.get("/v1/health").status, 500);
  EXPECT_EQ(
      client.ask("POST /v1/set-aside HTTP/1.1\r\n\r\n").body, R"({"moved_to":"/state.db.away"})");
  EXPECT_EQ(client.ask("POST /v1/exit HTTP/1.1\r\n\r\n").status, 200);
  on_loop([this] { EXPECT_TRUE(engine_.kept_tasks); });
}

}  // namespace
}  // namespace cattino::server::testing
