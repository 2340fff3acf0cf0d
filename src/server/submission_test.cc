// POST /v1/submissions: pieces, order, and what is said of wrong lines.
#include <random>

#include <fmt/core.h>
#include <sys/resource.h>

#include "server/limits.h"
#include "server/testing/fixture.h"

namespace cattino::server::testing {
namespace {

class Submissions : public ServerTest {
 protected:
  static std::string header(std::string_view more = "") {
    return fmt::format(R"({{"submission":{{"groups":1,"tasks":2,"cwd":"/w"{}}}}})", more) + "\n";
  }

  /// "status line field: detail" of the problem that `lines` after a header meet.
  std::string complaint(const std::string& lines) {
    RawClient client = this->client();
    const Reply reply = client.post("/v1/submissions", lines);
    const auto field = [&reply](const std::string& key) {
      const std::size_t at = reply.body.find("\"" + key + "\":");
      if (at == std::string::npos) {
        return std::string{"-"};
      }
      const std::size_t begin = at + key.size() + 3;
      const bool is_text = reply.body[begin] == '"';
      const std::size_t end = reply.body.find_first_of(is_text ? "\"" : ",}", begin + 1);
      return reply.body.substr(begin + (is_text ? 1 : 0), end - begin - (is_text ? 1 : 0));
    };
    return fmt::format(
        "{} {} {}: {}", reply.status, field("line"), field("field"), field("detail"));
  }
};

const std::string whole =
    R"({"submission":{"groups":1,"tasks":2,"cwd":"/w","environment":{"B":"2","A":"1"},"umask":18,)"
    R"("limits":{"nofile":[1024,-1]},"source":"task.py","on_conflict":"rename","key":"k1"}})"
    "\n"
    R"({"objects":"aGVsbG8="})"
    "\n"
    R"({"group":{"ref":1,"name":"g","hooks":["on_end"],"object":0}})"
    "\n\n"
    R"({"task":{"ref":2,"name":"t/lr=0.1","group":1,"command":"true","request":{"min_devices":2,"memory":0.5,"cpus":1.5,"ram":"1GiB"},"priority":-1,"cwd":"sub","env":{"C":"3"},"cascade":false}})"
    "\r\n"
    R"({"task":{"ref":3,"name":"u","argv":["echo","x"]}})"
    "\n"
    R"({"edge":[2,3,"any"]})"
    "\n"
    R"({"end":{"edges":1}})"
    "\n";

TEST_F(Submissions, reach_the_engine_whole) {
  RawClient client = this->client();
  const Reply reply = client.post("/v1/submissions", whole);
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body, R"({"id":7,"run_dir":"/run","first_task":41,"count":2,"tasks":[]})");
  on_loop([this] {
    ASSERT_EQ(engine_.staged.size(), 1U);
    const FakeEngine::Staged& staged = *engine_.staged[0];
    EXPECT_TRUE(staged.finished);
    EXPECT_EQ(staged.header.environment, (std::vector<std::string>{"A=1", "B=2"}));
    EXPECT_EQ(staged.header.on_conflict, "rename");
    EXPECT_EQ(staged.header.submission.umask, 18U);
    EXPECT_EQ(staged.header.submission.task_count, 2U);
    EXPECT_EQ(staged.header.submission.limits.at(0).resource, RLIMIT_NOFILE);
    EXPECT_EQ(staged.header.submission.limits.at(0).hard, RLIM_INFINITY);
    EXPECT_EQ(staged.objects, "hello");
    EXPECT_TRUE(staged.groups.at(0).hooks.on_end);
    const engine::Staging::NewTask& task = staged.tasks.at(0);
    EXPECT_EQ(task.request.min_devices, 2);
    EXPECT_EQ(task.request.memory, (MemoryRequest{MemoryRequest::Kind::share, 500'000}));
    EXPECT_EQ(task.request.cpus.value, 1500);
    EXPECT_EQ(task.request.ram.value, 1024);
    EXPECT_EQ(task.directory, "/w/sub");
    EXPECT_EQ(task.cascade, false);
    EXPECT_EQ(staged.tasks.at(1).program.kind, store::ProgramKind::argv);
    EXPECT_EQ(staged.tasks.at(1).request.cpus.value, -1);
    EXPECT_EQ(staged.edges.size(), 1U);
  });
  EXPECT_TRUE(eventually([this] { return engine_.staged[0]->destroyed; }));
}

TEST_F(Submissions, say_what_a_task_asks_for_and_when_it_runs_again) {
  RawClient client = this->client();
  const std::string lines =
      header() + R"({"group":{"ref":1,"name":"g","max_parallel":4}})" + "\n" +
      R"({"task":{"ref":2,"name":"a","command":"x","request":{"min_devices":2,"max_devices":4,)"
      R"("time_limit":7200000,"devices":["1","A100","1"],"resources":{"licence":2,"disk":1}},)"
      R"("retries":3,"retry_on":[9,"timeout",3,9],"backoff":100,"longest_backoff":5000,)"
      R"("oom_growth":1.5,"not_before":1769860800000,"held":true,"preemptible":true,)"
      R"("log_limit":"1GiB"}})"
      "\n"
      R"({"task":{"ref":3,"name":"b","command":"x","retries":2,"backoff":7200000}})"
      "\n"
      "{\"end\":{\"edges\":0}}\n";
  EXPECT_EQ(client.post("/v1/submissions", lines).status, 201);
  on_loop([this] {
    ASSERT_EQ(engine_.staged.size(), 1U);
    const FakeEngine::Staged& staged = *engine_.staged[0];
    EXPECT_EQ(staged.groups.at(0).max_parallel, 4U);
    const engine::Staging::NewTask& task = staged.tasks.at(0);
    EXPECT_EQ(task.request.max_devices, 4);
    EXPECT_EQ(task.request.time_limit, Duration::seconds(7200));
    EXPECT_EQ(task.request.pins, (std::vector<std::string>{"1", "A100"}));
    const std::vector<core::CounterAmount> counters = {{"disk", 1}, {"licence", 2}};
    EXPECT_EQ(task.request.counters, counters);
    EXPECT_EQ(task.retry.retries, 3U);
    EXPECT_EQ(task.retry.codes, (std::vector<std::uint8_t>{3, 9}));
    EXPECT_TRUE(task.retry.on_timeout);
    EXPECT_FALSE(task.retry.on_code || task.retry.on_signal || task.retry.on_oom);
    EXPECT_EQ(task.retry.backoff, Duration::milliseconds(100));
    EXPECT_EQ(task.retry.longest_backoff, Duration::seconds(5));
    EXPECT_EQ(task.retry.oom_growth_ppm, 1'500'000);
    EXPECT_EQ(task.not_before.ms(), 1'769'860'800'000);
    EXPECT_TRUE(task.held && task.preemptible);
    EXPECT_EQ(task.log_limit, Mib{1024});
    EXPECT_EQ(staged.tasks.at(1).log_limit, std::nullopt);
    core::RetryPolicy plain;
    plain.retries = 2;
    plain.backoff = plain.longest_backoff = Duration::seconds(7200);
    EXPECT_EQ(staged.tasks.at(1).retry, plain);
  });
}

TEST_F(Submissions, are_refused_for_wishes_that_make_no_sense) {
  const auto with = [this](const std::string& fields) {
    return complaint(header() + R"({"task":{"ref":2,"name":"a","command":"x",)" + fields + "}}");
  };
  EXPECT_EQ(
      with(R"("request":{"min_devices":4,"max_devices":2})"),
      "422 2 tasks[0].request.max_devices: expected an integer ≥ min_devices (4), got 2");
  EXPECT_EQ(
      with(R"("request":{"time_limit":0})"),
      "422 2 tasks[0].request.time_limit: expected milliseconds from 1 to 3153600000000, got 0");
  EXPECT_EQ(with(R"("log_limit":-1)"), "422 2 tasks[0].log_limit: expected an integer ≥ 0, got -1");
  EXPECT_EQ(
      with(R"("log_limit":1099511627777)"),
      "422 2 tasks[0].log_limit: expected MiB from 0 to 1099511627776, got 1099511627777");
  EXPECT_EQ(
      with(R"("retries":1,"backoff":5000,"longest_backoff":1000)"),
      "422 2 tasks[0].longest_backoff: expected milliseconds ≥ backoff (5000), got 1000");
  EXPECT_EQ(
      with(R"("oom_growth":0.5)"), "422 2 tasks[0].oom_growth: expected a factor ≥ 1, such as 1.5");
  EXPECT_EQ(
      with(R"("not_before":-1)"),
      "422 2 tasks[0].not_before: expected milliseconds since 1970, at most 253402300799999, got "
      "-1");
  EXPECT_EQ(
      with(R"("retry_on":["crash"])"),
      "422 2 tasks[0].retry_on[0]: expected an exit code from 1 to 255, or 'exit', 'signal', "
      "'timeout', 'oom' or 'lost', got 'crash'");
  EXPECT_EQ(
      complaint(header() + R"({"group":{"ref":1,"name":"g","max_parallel":0}})"),
      "422 2 groups[0].max_parallel: expected an integer ≥ 1, got 0");
}

TEST_F(Submissions, may_be_cut_anywhere) {
  std::mt19937 random{3};
  for (int round = 0; round < 30; ++round) {
    RawClient client = this->client();
    client.send("POST /v1/submissions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::string_view rest = whole;
    while (!rest.empty()) {
      const std::size_t size = std::min<std::size_t>(rest.size(), random() % 40 + 1);
      const std::string chunk = fmt::format("{:x}\r\n{}\r\n", size, rest.substr(0, size));
      const std::size_t cut = random() % chunk.size();
      client.send(std::string_view{chunk}.substr(0, cut));
      client.send(std::string_view{chunk}.substr(cut));
      rest.remove_prefix(size);
    }
    EXPECT_EQ(client.ask("0\r\n\r\n").status, 201);
  }
  on_loop([this] {
    for (const auto& staged : engine_.staged) {
      EXPECT_EQ(staged->tasks.size(), 2U);
    }
  });
}

TEST_F(Submissions, are_written_in_batches) {
  std::string body = header();
  for (int i = 1; i <= 3500; ++i) {
    body += fmt::format(R"({{"task":{{"ref":{},"name":"t{}","command":"true"}}}})", i, i) + "\n";
  }
  body += "{\"end\":{\"edges\":0}}";  // and no newline at the end
  RawClient client = this->client();
  EXPECT_EQ(client.post("/v1/submissions", body).status, 201);
  on_loop([this] {
    EXPECT_EQ(engine_.staged[0]->tasks.size(), 3500U);
    EXPECT_EQ(engine_.staged[0]->flushes, 3);
  });
}

TEST_F(Submissions, with_a_known_key_are_answered_like_the_first) {
  on_loop([this] { engine_.taken["k1"].id = SubmissionId{3}; });
  RawClient client = this->client();
  const Reply reply = client.post("/v1/submissions", whole);
  EXPECT_EQ(reply.status, 201);
  EXPECT_TRUE(reply.body.starts_with("{\"id\":3,"));
  on_loop([this] { EXPECT_TRUE(engine_.staged.empty()); });
}

TEST_F(Submissions, of_a_client_that_vanishes_leave_nothing) {
  RawClient client = this->client();
  client.send("POST /v1/submissions HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + header());
  ASSERT_TRUE(eventually([this] { return engine_.staged.size() == 1; }));
  client.close();
  EXPECT_TRUE(eventually([this] { return engine_.staged[0]->destroyed; }));
  on_loop([this] { EXPECT_FALSE(engine_.staged[0]->finished); });
}

TEST_F(Submissions, are_refused_with_line_and_path) {
  const std::string head = header();
  const std::string task = R"({"task":{"ref":1,"name":"a","command":"true"}})"
                           "\n";
  EXPECT_EQ(
      complaint(
          head + task +
          R"({"task":{"ref":2,"name":"b","command":"x","request":{"min_devices":-1}}})"),
      "422 3 tasks[1].request.min_devices: expected an integer ≥ 0, got -1");
  EXPECT_EQ(
      complaint(head + R"({"task":{"ref":2,"name":"..","command":"x"}})"),
      "422 2 tasks[0].name: '..' cannot be a name");
  EXPECT_EQ(
      complaint(head + R"({"task":{"ref":2,"name":"a//b","command":"x"}})"),
      "422 2 tasks[0].name: a name is not empty, nor is a part of it between slashes");
  EXPECT_EQ(
      complaint(head + R"({"group":{"ref":2,"name":"a/b"}})"),
      "422 2 groups[0].name: the name of a group has no '/': 'a/b'");
  EXPECT_EQ(
      complaint(head + R"({"task":{"ref":2,"name":"a","command":"x","argv":["x"]}})"),
      "422 2 tasks[0].command: a task has exactly one of command, argv and function");
  EXPECT_EQ(
      complaint(head + R"({"task":{"ref":2,"name":"a","function":"f"}})"),
      "422 2 tasks[0].object: a function task needs the object that is called");
  EXPECT_EQ(
      complaint(head + R"({"task":{"ref":2,"name":"a","command":"x","hooks":["on_stop"]}})"),
      "422 2 tasks[0].hooks[0]: expected 'on_start' or 'on_end', got 'on_stop'");
  EXPECT_EQ(
      complaint(head + R"({"task":{"ref":2,"name":"a","command":"x","env":{"A=":"x"}}})"),
      "422 2 tasks[0].env: 'A=' cannot be the name of a variable");
  EXPECT_EQ(
      complaint(head + R"({"task":{"ref":2,"name":"engine-refuses","command":"x"}})"),
      "422 2 tasks[0].request.min_devices: never fits");
  EXPECT_EQ(
      complaint(head + R"({"edge":[1]})"),
      "422 2 edges[0]: expected [from, to] or [from, to, when], got a list");
  EXPECT_EQ(
      complaint(head + "{\"task\":\n"),
      "400 2 -: invalid JSON at line 1 column 9: incomplete JSON");
}

TEST_F(Submissions, have_their_lines_in_order) {
  const std::string head = header();
  const std::string end = "{\"end\":{\"edges\":0}}\n";
  EXPECT_EQ(complaint(""), "422 1 submission: a submission is lines of JSON");
  EXPECT_EQ(complaint(end), "422 1 submission: the first line is 'submission'");
  EXPECT_EQ(complaint(head + head), "422 2 submission: there is one 'submission' line, the first");
  EXPECT_EQ(complaint(head), "422 2 end: the submission stops before its 'end' line");
  EXPECT_EQ(complaint(head + end + end), "422 3 end: nothing follows the 'end' line");
  EXPECT_EQ(
      complaint(
          head + R"({"group":{"ref":1,"name":"g"}})"
                 "\n"
                 R"({"objects":""})"),
      "422 3 objects: there is at most one 'objects' line, before all groups and tasks");
  EXPECT_EQ(complaint(head + "{\"end\":{\"edges\":5}}"), "422 - end: counts disagree");
}

TEST_F(Submissions, have_a_header_that_makes_sense) {
  EXPECT_EQ(
      complaint(R"({"submission":{"groups":0,"tasks":1,"cwd":"w"}})"),
      "422 1 submission.cwd: expected an absolute path, got 'w'");
  EXPECT_EQ(
      complaint(header(R"(,"umask":512)")),
      "422 1 submission.umask: expected an integer ≤ 511, got 512");
  EXPECT_EQ(
      complaint(header(R"(,"on_conflict":"maybe")")),
      "422 1 submission.on_conflict: expected 'forbid', 'allow' or 'rename', got 'maybe'");
  EXPECT_EQ(
      complaint(header(R"(,"limits":{"nofiles":[1,2]})")),
      "422 1 submission.limits.nofiles: unknown limit (did you mean 'nofile'?)");
  EXPECT_EQ(
      complaint(header(R"(,"limits":{"core":[-1,2]})")),
      "422 1 submission.limits.core: the soft limit is above the hard one");
  EXPECT_EQ(
      complaint(R"({"submission":{"groups":0,"tasks":100000001,"cwd":"/"}})"),
      "422 1 submission.tasks: a submission has at most 100000000 of them");
}

TEST_F(Submissions, with_a_line_over_the_limit_are_refused_while_it_arrives) {
  RawClient client = this->client();
  client.send("POST /v1/submissions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string piece(1U << 20U, 'x');
  const std::string chunk = fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
  for (std::size_t sent = 0; sent <= line_bytes_max; sent += piece.size()) {
    ASSERT_TRUE(client.send(chunk));
  }
  const Reply reply = client.receive();
  EXPECT_EQ(reply.status, 413);
  EXPECT_NE(reply.body.find("\"line\":1"), std::string::npos) << reply.body;
}

}  // namespace
}  // namespace cattino::server::testing
