// Messages there and back, and what is said of wrong ones.
#include "wire/json.h"

#include <random>

#include <gtest/gtest.h>

#include "wire/feed.h"
#include "wire/problem.h"
#include "wire/submission.h"
#include "wire/tasks.h"
#include "wire/verbs.h"

namespace cattino::wire {
namespace {

template <class T>
std::string complaint(std::string_view text) {
  const Result<T> value = from_json<T>(text);
  return value ? "taken" : value.error().field + ": " + value.error().message;
}

template <class T>
std::string there_and_back(std::string_view text) {
  const Result<T> value = from_json<T>(text);
  return value ? to_json(*value) : value.error().field + ": " + value.error().message;
}

constexpr std::string_view task_golden =
    R"({"id":41,"name":"train","fullname":"pipeline/train","shown":"pipeline/train#41",)"
    R"("group":"pipeline","submission":7,"status":"Running","phase":"process","held":false,)"
    R"("reason":null,"command":"python train.py","priority":-3,)"
    R"("request":{"min_devices":1,"memory":20000,"cpus":1.5,"ram":0},"attempt":1,)"
    R"("devices":["cuda:0"],"pid":4711,"created":1769860800000,"started":1769860800001,)"
    R"("ended":null,"exit":{"text":"never started: exec: No such file or directory",)"
    R"("stage":"exec","errno":2},"stdout":"/h/stdout.log","stderr":null,"run_dir":"/h",)"
    R"("directory":"/h/pipeline/train"})";

TEST(Json, writes_a_task_as_it_was_read) {
  EXPECT_EQ(there_and_back<Task>(task_golden), task_golden);
}

TEST(Json, writes_each_kind_of_memory_so_that_it_is_read_again) {
  EXPECT_EQ(there_and_back<Request>(R"({"memory":20000})"), R"({"memory":20000})");
  EXPECT_EQ(there_and_back<Request>(R"({"memory":0.5})"), R"({"memory":"50%"})");
  EXPECT_EQ(there_and_back<Request>(R"({"memory":"33.3333%"})"), R"({"memory":"33.3333%"})");
  EXPECT_EQ(there_and_back<Request>(R"({"memory":1.0})"), R"({"memory":"100%"})");
  EXPECT_EQ(there_and_back<Request>(R"({"memory":"whole"})"), R"({"memory":"whole"})");
  EXPECT_EQ(there_and_back<Request>(R"({"memory":0})"), R"({"memory":"whole"})");
  EXPECT_EQ(there_and_back<Request>(R"({"memory":"20GiB"})"), R"({"memory":20480})");
  EXPECT_EQ(there_and_back<Request>(R"({"ram":"1TiB"})"), R"({"ram":1048576})");
}

TEST(Json, writes_cores_as_people_do) {
  EXPECT_EQ(there_and_back<Request>(R"({"cpus":2})"), R"({"cpus":2.0})");
  EXPECT_EQ(there_and_back<Request>(R"({"cpus":0.1})"), R"({"cpus":0.1})");
  EXPECT_EQ(there_and_back<Request>(R"({"cpus":12.345})"), R"({"cpus":12.345})");
  EXPECT_EQ(there_and_back<Request>(R"({"cpus":0.00001})"), R"({"cpus":0.001})");
}

TEST(Json, names_the_nearest_known_field) {
  EXPECT_EQ(
      complaint<VerbRequest>(R"({"nams":["a"]})"), "nams: unknown field (did you mean 'names'?)");
  EXPECT_EQ(complaint<VerbRequest>(R"({"zebra":1})"), "zebra: unknown field");
}

TEST(Json, says_where_a_value_of_the_wrong_type_is) {
  EXPECT_EQ(complaint<VerbRequest>(R"({"names":["a",2]})"), "names[1]: expected text, got 2");
  EXPECT_EQ(complaint<VerbRequest>(R"({"names":"a"})"), "names: expected a list, got 'a'");
  EXPECT_EQ(complaint<VerbRequest>(R"({"all":1})"), "all: expected true or false, got 1");
  EXPECT_EQ(
      complaint<WaitRequest>(R"({"timeout_ms":1.5})"), "timeout_ms: expected an integer, got 1.5");
  EXPECT_EQ(complaint<WaitRequest>("[]"), ": expected an object, got a list");
  EXPECT_EQ(
      complaint<WaitAnswer>(R"({"outcome":0,"counts":{"Done":true}})"),
      "counts.Done: expected an integer, got true");
}

TEST(Json, says_what_range_a_number_must_be_in) {
  EXPECT_EQ(
      complaint<Request>(R"({"min_devices":-1})"), "min_devices: expected an integer ≥ 0, got -1");
  EXPECT_EQ(
      complaint<Request>(R"({"min_devices":65536})"),
      "min_devices: expected an integer ≤ 65535, got 65536");
  EXPECT_EQ(
      complaint<Exit>(R"({"text":"","code":-99999999999})"),
      "code: expected an integer ≥ -2147483648, got -99999999999");
  EXPECT_EQ(
      complaint<Exit>(R"({"text":"","code":18446744073709551615})"),
      "code: expected an integer ≤ 2147483647, got 18446744073709551615");
  EXPECT_EQ(complaint<Exit>(R"({"text":"","code":1e99})"), "code: expected an integer, got 1e+99");
}

TEST(Json, says_what_an_amount_may_be) {
  EXPECT_EQ(complaint<Request>(R"({"memory":-1})"), "memory: expected an integer ≥ 0, got -1");
  EXPECT_EQ(
      complaint<Request>(R"({"memory":1.5})"),
      "memory: expected MiB (an integer), a share in (0, 1] or text such as \"20GiB\", got 1.5");
  EXPECT_EQ(
      complaint<Request>(R"({"memory":[]})"),
      "memory: expected MiB (an integer), a share in (0, 1] or text such as \"20GiB\", got a list");
  EXPECT_EQ(
      complaint<Request>(R"({"memory":"lots"})"), "memory: 'lots' is not an amount of memory");
  EXPECT_EQ(complaint<Request>(R"({"cpus":-0.5})"), "cpus: expected a number ≥ 0, got -0.5");
  EXPECT_EQ(
      complaint<Request>(R"({"cpus":1e300})"), "cpus: expected a number of cores, got 1e+300");
  EXPECT_EQ(complaint<Request>(R"({"cpus":"two"})"), "cpus: expected a number of cores, got 'two'");
  EXPECT_EQ(complaint<Request>(R"({"ram":0.5})"), "ram: expected an integer, got 0.5");
}

TEST(Json, says_which_field_is_missing_and_takes_null_for_left_out) {
  EXPECT_EQ(complaint<ExitAnswer>(R"({"stopped":1})"), "cancelled: this field is missing");
  EXPECT_EQ(
      complaint<ExitAnswer>(R"({"stopped":null,"cancelled":1})"), "stopped: this field is missing");
  EXPECT_EQ(complaint<WaitRequest>(R"({"names":null,"timeout_ms":null})"), "taken");
}

TEST(Json, refuses_a_nul_in_text_since_no_system_call_takes_it) {
  EXPECT_EQ(
      complaint<VerbRequest>(R"({"names":["a\u0000b"]})"),
      "names[0]: text must not contain a NUL character");
}

TEST(Json, says_where_text_stops_being_json) {
  EXPECT_EQ(complaint<WaitRequest>("{\n  nam"), ": invalid JSON at line 2 column 3: syntax error");
  EXPECT_EQ(
      complaint<WaitRequest>("{}x"),
      ": invalid JSON at line 1 column 3: something follows the value");
  EXPECT_EQ(complaint<WaitRequest>("{"), ": invalid JSON at line 1 column 2: incomplete JSON");
  EXPECT_EQ(complaint<WaitRequest>(""), ": invalid JSON at line 1 column 1: incomplete JSON");
  EXPECT_EQ(complaint<WaitRequest>("{} \r\n"), "taken");
  EXPECT_FALSE(is_json("{"));
  EXPECT_TRUE(is_json(R"({"zebra":1})"));
}

TEST(Json, of_an_answer_takes_what_other_versions_write) {
  const Result<Health> health =
      from_json<Health>(R"({"version":"9","moons":{"a":[1]},"home":"/h"})", Reading::lenient);
  ASSERT_TRUE(health);
  EXPECT_EQ(health->version, "9");
  EXPECT_EQ(health->pid, 0);
  EXPECT_EQ(health->home, "/h");
}

TEST(Json, replaces_bytes_that_are_no_utf8_in_answers_and_keeps_them_in_submissions) {
  Unchanged value;
  value.why = "caf\xe9 \xc3\xa9 \xed\xa0\x80 \xf5";
  EXPECT_EQ(
      to_json(VerbAnswer{{}, 0, {value}}),
      "{\"changed\":[],\"count\":0,\"unchanged\":[{\"fullname\":\"\",\"status\":\"\",\"why\":\"caf"
      "\xef\xbf\xbd \xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\"}]}");
  const std::string kept = to_json(VerbAnswer{{}, 0, {value}}, Bytes::keep);
  const Result<VerbAnswer> back = from_json<VerbAnswer>(kept);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->unchanged[0].why, value.why);
}

TEST(Json, escapes_what_json_does_not_allow_in_text) {
  FeedItem item;
  item.text = "a\"b\\c\n\t\r\x01\x7f/";
  EXPECT_EQ(
      to_json(item),
      R"({"seq":0,"at":0,"event":"","text":"a\"b\\c\n\t\r\u0001)"
      "\x7f/\"}");
  EXPECT_EQ(from_json<FeedItem>(to_json(item))->text, item.text);
}

TEST(Json, tells_a_task_from_a_group_in_an_answer) {
  const Result<Detail> group = from_json<Detail>(
      R"({"group":{"id":3,"fullname":"p","submission":7,"status":"Done","counts":{"Done":2}},"tasks":[]})");
  ASSERT_TRUE(group);
  ASSERT_TRUE(std::holds_alternative<GroupDetail>(*group));
  EXPECT_EQ(std::get<GroupDetail>(*group).group->counts[0].second, 2U);
  const Result<Detail> task = from_json<Detail>(
      std::string(R"({"cwd":"/w","argv":["a"],"task":)") + std::string(task_golden) + "}");
  ASSERT_TRUE(task) << task.error().field << task.error().message;
  EXPECT_EQ(std::get<TaskDetail>(*task).argv->at(0), "a");
  EXPECT_EQ(to_json(*from_json<Detail>(to_json(*task))), to_json(*task));
}

/// Makes one change somewhere in a text that is not empty.
void change(std::string& text, std::mt19937& random) {
  const std::size_t at = random() % text.size();
  switch (random() % 3) {
    case 0:
      text[at] = static_cast<char>(random() % 256);
      break;
    case 1:
      text.erase(at, random() % 20);
      break;
    default:
      text.insert(at, text.substr(random() % text.size(), random() % 30));
  }
}

TEST(Json, never_throws_whatever_the_bytes_are) {
  std::mt19937 random{42};
  const std::string seed{task_golden};
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seed;
    for (unsigned changes = random() % 4 + 1; changes > 0 && !text.empty(); --changes) {
      change(text, random);
    }
    const Result<Task> task = from_json<Task>(text);
    if (task) {
      EXPECT_TRUE(from_json<Task>(to_json(*task, Bytes::keep))) << text;
    } else {
      EXPECT_FALSE(task.error().message.empty());
    }
  }
  EXPECT_FALSE(from_json<Task>(std::string(100'000, '[')));
}

}  // namespace
}  // namespace cattino::wire
