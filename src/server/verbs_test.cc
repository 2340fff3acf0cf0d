// Each verb over a real socket: what the engine is asked, and what the client is told.
#include <fmt/core.h>

#include "server/testing/fixture.h"

namespace cattino::server::testing {
namespace {

class Verbs : public ServerTest {
 protected:
  /// Tells the follower of the feed of `count` changes, numbered from `first` on.
  void tell(std::uint64_t first, std::uint64_t count) {
    on_loop([this, first, count] {
      for (std::uint64_t seq = first; seq < first + count; ++seq) {
        engine::FeedItem item;
        item.seq = seq;
        item.event = "changed";
        engine_.follower(item);
      }
    });
  }
};

TEST_F(Verbs, list_passes_its_query_on_and_answers_with_tasks) {
  on_loop([this] {
    engine_.list_view.tasks = {FakeEngine::task(41, "pipeline/train")};
    engine_.list_view.now = Time{5'000};
  });
  RawClient client = this->client();
  const Reply reply = client.get(
      "/v1/tasks?name=a%2Fb&name=c+d&match=x.*&status=Waiting&status=Done&all=1&limit=7&reasons=0");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(
      reply.body,
      R"({"tasks":[{"id":41,"name":"pipeline/train","fullname":"pipeline/train",)"
      R"("shown":"pipeline/train","group":null,"submission":7,"status":"Waiting","phase":null,)"
      R"("held":false,"reason":null,"command":"echo 'a b'","priority":0,)"
      R"("request":{"min_devices":1,"memory":"whole","ram":0},"attempt":0,"devices":[],"pid":null,)"
      R"("created":1769860800000,"started":null,"ended":null,"exit":null,"stdout":null,)"
      R"("stderr":null,"run_dir":"/run","directory":"/run/pipeline/train"}],"groups":[],)"
      R"("truncated":0,"now":5,"counts":{"Waiting":1}})");
  on_loop([this] {
    EXPECT_EQ(engine_.listed.selection.names, (std::vector<std::string>{"a/b", "c d"}));
    EXPECT_EQ(engine_.listed.selection.match, "x.*");
    EXPECT_EQ(engine_.listed.statuses.size(), 2U);
    EXPECT_TRUE(engine_.listed.history);
    EXPECT_FALSE(engine_.listed.reasons);
    EXPECT_EQ(engine_.listed.limit, 7U);
    EXPECT_EQ(engine_.touches, 1);
  });
}

TEST_F(Verbs, list_of_what_changed_since_a_time_goes_back_to_it) {
  RawClient client = this->client();
  EXPECT_EQ(client.get("/v1/tasks?changed_since=1500").status, 200);
  on_loop([this] {
    EXPECT_TRUE(engine_.listed.history);
    EXPECT_EQ(engine_.listed.changed_since, Time{1'500'000});
  });
  EXPECT_EQ(client.get("/v1/tasks?changed_since=18446744073709551615").status, 200);
  EXPECT_EQ(client.get("/v1/tasks?changed_since=-1").status, 422);
}

TEST_F(Verbs, list_says_of_a_task_what_only_some_have) {
  on_loop([this] {
    engine::TaskView view = FakeEngine::task(41, "a");
    core::TaskSpec& spec = view.row.task.spec;
    spec.request.max_devices = 4;
    spec.request.time_limit = Duration::seconds(60);
    spec.request.pins = {"cuda:1"};
    spec.request.counters = {{"disk", 1}, {"licence", 2}};
    spec.retry.retries = 3;
    spec.retry.codes = {9};
    spec.retry.oom_growth_ppm = 1'500'000;
    spec.not_before = Time{5'000'000};
    spec.preemptible = true;
    view.row.state.retries = 1;
    view.row.state.preemptions = 2;
    view.row.state.hooks_reset = true;
    engine_.list_view.tasks = {view};
  });
  RawClient client = this->client();
  const std::string body = client.get("/v1/tasks").body;
  EXPECT_NE(
      body.find(
          R"("request":{"min_devices":1,"memory":"whole","ram":0,"max_devices":4,"time_limit":60000,)"
          R"("devices":["cuda:1"],"resources":{"disk":1,"licence":2}},)"
          R"("retry":{"retries":3,"on":[9,"signal","oom"],"backoff":1000,"longest_backoff":600000,)"
          R"("oom_growth":1.5},"not_before":5000,"preemptible":true,"retries":1,"preemptions":2,)"
          R"("hooks_reset":true,)"),
      std::string::npos)
      << body;
}

TEST_F(Verbs, list_says_what_is_wrong_with_its_query) {
  RawClient client = this->client();
  EXPECT_EQ(
      client.get("/v1/tasks?limt=3").body,
      R"({"title":"Invalid request","status":422,)"
      R"-("detail":"unknown parameter (did you mean 'limit'?)","field":"limt"})-");
  EXPECT_EQ(
      client.get("/v1/tasks?limit=-3").body,
      R"({"title":"Invalid request","status":422,"detail":"expected an integer ≥ 0, got '-3'",)"
      R"("field":"limit"})");
  EXPECT_EQ(
      client.get("/v1/tasks?status=Lost").body,
      R"({"title":"Invalid request","status":422,"detail":"'Lost' is no status","field":"status",)"
      R"("hint":"statuses are Waiting, Running, Done, Failed, Cancelled"})");
  EXPECT_EQ(client.get("/v1/tasks?all=yes").status, 422);
  EXPECT_EQ(client.get("/v1/tasks?match=a&match=b").status, 422);
}

TEST_F(Verbs, show_takes_a_reference_as_one_component) {
  RawClient client = this->client();
  const Reply reply = client.get("/v1/tasks/pipeline%2Ftrain%2312");
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.body.find(R"("needs":["before"],"needed_by":["after"])"), std::string::npos);
  EXPECT_NE(reply.body.find(R"("argv":["echo","a b"])"), std::string::npos);
  on_loop([this] { EXPECT_EQ(engine_.shown, "pipeline/train#12"); });
}

TEST_F(Verbs, show_of_a_group_lists_its_tasks) {
  on_loop([this] {
    engine::GroupView group;
    group.row.group.fullname = "pipeline";
    group.status = "MultiStatus";
    engine_.list_view.groups = {group};
    engine_.list_view.tasks = {FakeEngine::task(41, "pipeline/train")};
  });
  RawClient client = this->client();
  const Reply reply = client.get("/v1/tasks/pipeline");
  EXPECT_TRUE(reply.body.starts_with(
      R"({"group":{"id":0,"fullname":"pipeline","submission":0,"status":"MultiStatus","counts":{}},)"
      R"("tasks":[{"id":41)"))
      << reply.body;
}

TEST_F(Verbs, an_error_of_the_engine_is_a_problem_with_its_status) {
  on_loop([this] {
    engine_.error = Error{ErrorCode::not_found, "no task is called 'x'", "names[0]", "try list"};
  });
  RawClient client = this->client();
  const Reply reply = client.post("/v1/cancel", R"({"names":["x"]})");
  EXPECT_EQ(reply.status, 404);
  EXPECT_NE(reply.head.find("Content-Type: application/problem+json"), std::string::npos);
  EXPECT_EQ(
      reply.body,
      R"({"title":"Not found","status":404,"detail":"no task is called 'x'","field":"names[0]",)"
      R"("hint":"try list"})");
  EXPECT_TRUE(failures_.empty());
  on_loop([this] { engine_.error = Error{ErrorCode::internal, "broken", {}, {}}; });
  EXPECT_EQ(client.get("/v1/tasks").status, 500);
  on_loop(
      [this] { EXPECT_EQ(failures_.size(), 1U) << "a defect is told to whoever keeps the log"; });
}

TEST_F(Verbs, each_change_asks_for_its_verb) {
  on_loop([this] {
    engine_.outcome.count = 1;
    engine_.outcome.changed = {{TaskId{41}, "train", core::TaskStatus::running, true}};
    engine_.outcome.unchanged = {{"eval", core::TaskStatus::done, "it has ended"}};
  });
  RawClient client = this->client();
  const std::vector<std::pair<std::string, core::Verb>> verbs = {
      {"cancel", core::Verb::cancel},
      {"kill", core::Verb::kill},
      {"resume", core::Verb::resume},
      {"remove", core::Verb::remove}};
  for (const auto& [name, verb] : verbs) {
    const Reply reply = client.post("/v1/" + name, R"({"match":"tr"})");
    EXPECT_EQ(
        reply.body,
        R"({"changed":[{"id":41,"fullname":"train","status":"Running","ending":true}],"count":1,)"
        R"("unchanged":[{"fullname":"eval","status":"Done","why":"it has ended"}]})");
    on_loop([this, wanted = verb] {
      EXPECT_EQ(engine_.verb, wanted);
      EXPECT_EQ(engine_.selection.match, "tr");
    });
  }
}

TEST_F(Verbs, a_change_with_wait_answers_when_the_tasks_have_ended) {
  on_loop([this] {
    engine_.outcome.changed = {{TaskId{41}, "train", core::TaskStatus::running, true}};
  });
  RawClient client = this->client();
  client.send(
      "POST /v1/kill HTTP/1.1\r\nContent-Length: 31\r\n\r\n{\"names\":[\"train\"],\"wait\":true}");
  ASSERT_TRUE(eventually([this] { return static_cast<bool>(engine_.wait_answer); }));
  on_loop([this] {
    EXPECT_EQ(engine_.waited.selection.names, std::vector<std::string>{"#41"});
    engine::WaitView view;
    view.tasks = {FakeEngine::task(41, "train")};
    view.tasks[0].row.state.status = core::TaskStatus::failed;
    engine_.wait_answer(view);
  });
  EXPECT_EQ(
      client.receive().body,
      R"({"changed":[{"id":41,"fullname":"train","status":"Failed","ending":false}],"count":0,)"
      R"("unchanged":[]})");
}

TEST_F(Verbs, a_change_says_which_tasks_exactly_once) {
  RawClient client = this->client();
  EXPECT_EQ(client.post("/v1/cancel", "").status, 422);
  EXPECT_EQ(client.post("/v1/cancel", R"({"names":["a"],"all":true})").status, 422);
  EXPECT_EQ(
      client.post("/v1/cancel", R"({"name":["a"]})").body,
      R"({"title":"Invalid request","status":422,)"
      R"-("detail":"unknown field (did you mean 'names'?)","field":"name"})-");
  const Reply malformed = client.post("/v1/cancel", "names=a");
  EXPECT_EQ(malformed.status, 400);
  EXPECT_NE(malformed.body.find("invalid JSON at line 1 column 1"), std::string::npos)
      << malformed.body;
}

TEST_F(Verbs, wait_is_held_until_the_outcome_is_known) {
  RawClient client = this->client();
  const std::string body = R"({"names":["a"],"timeout_ms":1500})";
  client.send(
      fmt::format("POST /v1/wait HTTP/1.1\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  ASSERT_TRUE(eventually([this] { return engine_.handles == 1; }));
  on_loop([this] {
    EXPECT_EQ(engine_.waited.timeout, Duration::milliseconds(1500));
    engine::WaitView view;
    view.outcome = 6;
    view.stuck = {FakeEngine::task(41, "a")};
    engine_.wait_answer(view);
  });
  const Reply reply = client.receive();
  EXPECT_TRUE(reply.body.starts_with(R"({"outcome":6,"tasks":[],"counts":{},"stuck":[{"id":41)"));
  EXPECT_TRUE(eventually([this] { return engine_.handles == 0; }));
  EXPECT_EQ(client.post("/v1/wait", R"({"timeout_ms":-1})").status, 422);
}

TEST_F(Verbs, wait_of_a_client_that_vanishes_is_given_up) {
  RawClient client = this->client();
  client.send("POST /v1/wait HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
  ASSERT_TRUE(eventually([this] { return engine_.handles == 1; }));
  client.close();
  EXPECT_TRUE(eventually([this] { return engine_.handles == 0; }));
  on_loop([this] { engine_.wait_answer(engine::WaitView{}); });  // Too late, and harmless.
}

TEST_F(Verbs, a_client_that_only_shuts_its_sending_side_is_answered) {
  RawClient client = this->client();
  client.send("POST /v1/wait HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
  client.shut_sending();
  ASSERT_TRUE(eventually([this] { return engine_.handles == 1; }));
  on_loop([this] { engine_.wait_answer(engine::WaitView{}); });
  EXPECT_EQ(client.receive().status, 200);
}

TEST_F(Verbs, devices_and_health_tell_of_the_machine_and_the_daemon) {
  RawClient client = this->client();
  EXPECT_EQ(
      client.get("/v1/devices").body,
      R"({"host":{"name":"box","cpus":8.0,"ram":64000},"error":null,"devices":[{"name":"cuda:0",)"
      R"("kind":"accelerator","model":"","uuid":"","health":"ok","total":24000,"used_by_others":0,)"
      R"("claimed":0,"free":24000,"tasks":[],"note":""}]})");
  const std::string health = client.get("/v1/health").body;
  EXPECT_NE(
      health.find(R"("guardian":2,"supervisor":3,"started":0,"home":"/home","state":"/state",)"
                  R"("counts":{"Waiting":5,"Running":0},"unknown":[]})"),
      std::string::npos)
      << health;
}

TEST_F(Verbs, exit_says_how_many_were_stopped) {
  RawClient client = this->client();
  EXPECT_EQ(
      client.post("/v1/exit", R"({"keep_tasks":true})").body, R"({"stopped":2,"cancelled":0})");
  on_loop([this] { EXPECT_TRUE(engine_.kept_tasks); });
}

TEST_F(Verbs, feed_is_one_line_for_each_change) {
  RawClient client = this->client();
  client.send("GET /v1/feed?since=5&output=1 HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(eventually([this] { return static_cast<bool>(engine_.follower); }));
  on_loop([this] {
    EXPECT_EQ(engine_.since, 5U);
    EXPECT_TRUE(engine_.output);
    engine::FeedItem item;
    item.seq = 6;
    item.at = Time{7'000};
    item.event = "ended";
    item.task = TaskId{41};
    item.fullname = "train";
    item.status = core::TaskStatus::failed;
    item.attempt = 1;
    item.exit = ExitStatus::of_code(3);
    item.reason = "exit status 3";
    engine_.follower(item);
    engine::FeedItem text;
    text.seq = 7;
    text.event = "hook";
    text.text = "hello";
    engine_.follower(text);
  });
  std::string lines = client.receive_chunk();
  lines += client.receive_chunk();
  EXPECT_EQ(
      lines,
      R"({"seq":6,"at":7,"event":"ended","task":{"id":41,"fullname":"train","status":"Failed",)"
      R"("attempt":1,"devices":[],"exit":{"text":"exit status 3","code":3},)"
      R"("reason":{"text":"exit status 3","names":[],"devices":[]}}})"
      "\n"
      R"({"seq":7,"at":0,"event":"hook","text":"hello"})"
      "\n");
  client.close();
  EXPECT_TRUE(eventually([this] { return engine_.handles == 0; }));
}

TEST_F(Verbs, feed_leaves_a_gap_for_a_reader_that_does_not_read) {
  RawClient client = this->client();
  client.send("GET /v1/feed HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(eventually([this] { return static_cast<bool>(engine_.follower); }));
  constexpr std::uint64_t count = 120'000;
  for (std::uint64_t first = 1; first < count; first += 1000) {
    tell(first, 1000);
  }
  std::string all;
  while (all.find("\"event\":\"gap\"") == std::string::npos) {
    const std::string chunk = client.receive_chunk();
    ASSERT_FALSE(chunk.empty());
    all += chunk;
  }
  EXPECT_TRUE(all.starts_with("{\"seq\":1,"));
  tell(999'999, 1);
  while (all.find("999999") == std::string::npos) {
    const std::string chunk = client.receive_chunk();
    ASSERT_FALSE(chunk.empty());
    all += chunk;
  }
}

TEST_F(Verbs, a_host_goes_on_with_lines_after_its_upgrade) {
  RawClient client = this->client();
  client.send(
      "POST /v1/hosts/7 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: cattino-host/1\r\n\r\nfirst\n");
  const Reply reply = client.receive();
  EXPECT_EQ(reply.status, 101);
  EXPECT_EQ(client.receive_line(), "welcome");
  EXPECT_EQ(client.receive_line(), "echo first");
  client.send("sec");
  client.send("ond\nthird\n");
  EXPECT_EQ(client.receive_line(), "echo second");
  EXPECT_EQ(client.receive_line(), "echo third");
  const std::string large(5'000'000, 'x');
  client.send(large + "\n");
  EXPECT_EQ(client.receive_line(), "echo " + large);
  on_loop([this] { EXPECT_EQ(engine_.host_lines.size(), 4U); });
  client.close();
  EXPECT_TRUE(eventually([this] { return engine_.host_closed; }));
}

TEST_F(Verbs, a_host_is_left_by_destroying_its_channel) {
  RawClient client = this->client();
  client.send(
      "POST /v1/hosts/7 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: cattino-host/1\r\n\r\n");
  EXPECT_EQ(client.receive().status, 101);
  EXPECT_EQ(client.receive_line(), "welcome");
  on_loop([this] { engine_.channel.reset(); });
  EXPECT_TRUE(client.ended());
  on_loop([this] { EXPECT_FALSE(engine_.host_closed); });
}

TEST_F(Verbs, a_host_that_does_not_belong_here_is_told_so) {
  RawClient client = this->client();
  const std::string upgrade = " HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: cattino-host/1\r\n\r\n";
  EXPECT_EQ(client.ask("POST /v1/hosts/8" + upgrade).status, 404);
  EXPECT_EQ(client.ask("POST /v1/hosts/x" + upgrade).status, 404);
  EXPECT_EQ(client.post("/v1/hosts/7", "").status, 422);
}

}  // namespace
}  // namespace cattino::server::testing
