// The lines of a submission there and back, and what is said of wrong ones.
#include "wire/submission.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "wire/base64.h"

namespace cattino::wire {
namespace {

std::string there_and_back(std::string_view line) {
  LineReader reader;
  const Result<SubmissionLine> read = reader.read(line);
  return read ? to_line(*read) : read.error().field + ": " + read.error().message;
}

TEST(SubmissionLine, is_written_as_it_was_read) {
  for (
      const std::string_view line : {
          std::string_view(
              R"({"submission":{"groups":1,"tasks":2,"cwd":"/w","environment":{"A":"1","B":""},)"
              R"("umask":18,"limits":{"nofile":[1024,-1]},"interpreter":"/usr/bin/python3",)"
              R"("python_path":["/p"],"source":"task.py","on_conflict":"rename",)"
              R"("date_format":"%Y","key":"k"}})"),
          std::string_view(R"({"objects":"aGVsbG8="})"),
          std::string_view(
              R"({"group":{"ref":1,"name":"g","parent":2,"hooks":["on_start"],"object":0,"label":"G"}})"),
          std::string_view(
              R"({"task":{"ref":3,"name":"t","group":1,"command":"true","request":{"cpus":1.0},)"
              R"("priority":5,"cwd":"/x","env":{"C":"2"},"hooks":[],"object":1,"cascade":false}})"),
          std::string_view(
              R"({"task":{"ref":3,"name":"t","argv":["a"],"request":{"min_devices":2,"max_devices":4,)"
              R"("time_limit":7200000,"devices":["cuda:1","A100"],"resources":{"licence":1}},"env":{},)"
              R"("hooks":[],"retries":3,"retry_on":[3,"signal","timeout"],"backoff":100,)"
              R"("longest_backoff":60000,"oom_growth":1.5,"not_before":1769860800000,"held":true,)"
              R"("preemptible":false}})"),
          std::string_view(R"({"group":{"ref":1,"name":"g","hooks":[],"max_parallel":4}})"),
          std::string_view(R"({"edge":[1,2]})"),
          std::string_view(R"({"edge":[1,2,"fail"]})"),
          std::string_view(R"({"end":{"edges":2}})"),
      }) {
    EXPECT_EQ(there_and_back(line), line);
  }
}

TEST(SubmissionLine, needs_only_what_has_no_default) {
  LineReader reader;
  const Result<SubmissionLine> task = reader.read(R"({"task":{"ref":1,"name":"t","argv":["a"]}})");
  ASSERT_TRUE(task);
  EXPECT_EQ(std::get<NewTask>(*task).argv->size(), 1U);
  EXPECT_FALSE(std::get<NewTask>(*task).command);
}

TEST(SubmissionLine, is_refused_with_the_path_of_what_is_wrong) {
  EXPECT_EQ(
      there_and_back(R"({"task":{"ref":1,"name":"t","request":{"min_devices":-1}}})"),
      "task.request.min_devices: expected an integer ≥ 0, got -1");
  EXPECT_EQ(
      there_and_back(R"({"task":{"ref":1,"nam":"t"}})"),
      "task.nam: unknown field (did you mean 'name'?)");
  EXPECT_EQ(
      there_and_back(R"({"task":{"ref":1,"name":"t","request":{"max_device":2}}})"),
      "task.request.max_device: unknown field (did you mean 'max_devices'?)");
  EXPECT_EQ(
      there_and_back(R"({"task":{"ref":1,"name":"t","request":{"resources":{"a":"b"}}}})"),
      "task.request.resources.a: expected an integer, got 'b'");
  for (const char* end : {"0", "256", "'crash'", "1.5"}) {
    std::string json = end;
    std::replace(json.begin(), json.end(), '\'', '"');
    EXPECT_EQ(
        there_and_back(R"({"task":{"ref":1,"name":"t","retry_on":[1,)" + json + "]}}"),
        "task.retry_on[1]: expected an exit code from 1 to 255, or 'exit', 'signal', 'timeout', "
        "'oom' or 'lost', got " +
            std::string(end));
  }
  EXPECT_EQ(
      there_and_back(R"({"task":{"ref":1,"name":"t","oom_growth":"big"}})"),
      "task.oom_growth: expected a number from 0 to 1000, got 'big'");
  EXPECT_EQ(there_and_back(R"({"task":{"name":"t"}})"), "task.ref: this field is missing");
  EXPECT_EQ(there_and_back(R"({"taks":{}})"), "taks: unknown field (did you mean 'task'?)");
  EXPECT_EQ(
      there_and_back("{}"),
      ": expected an object with one of 'submission', 'objects', 'group', 'task', 'edge' and "
      "'end', "
      "got an object");
  EXPECT_EQ(
      there_and_back(R"({"edge":[1]})"),
      "edge: expected [from, to] or [from, to, when], got a list");
  EXPECT_EQ(
      there_and_back(R"({"edge":[1,2,"never"]})"),
      "edge[2]: expected 'ok', 'any' or 'fail', got 'never'");
  EXPECT_EQ(there_and_back(R"({"edge":[1,-2]})"), "edge[1]: expected an integer ≥ 0, got -2");
  EXPECT_EQ(there_and_back(R"({"objects":"a"})"), "objects: expected base64");
  EXPECT_EQ(
      there_and_back(R"({"submission":{"groups":0,"tasks":1,"cwd":"/","limits":{"core":[0]}}})"),
      "submission.limits.core: expected a list of 2, got a list");
  EXPECT_EQ(there_and_back("{"), ": invalid JSON at line 1 column 2: incomplete JSON");
}

TEST(SubmissionLine, keeps_bytes_that_are_no_utf8) {
  NewTask task;
  task.ref = 1;
  task.name = "t";
  task.command = "cat caf\xe9";
  LineReader reader;
  const Result<SubmissionLine> back = reader.read(to_line(task));
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<NewTask>(*back).command, "cat caf\xe9");
}

TEST(SubmissionLine, reader_is_good_for_the_next_line_after_a_wrong_one) {
  LineReader reader;
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(reader.read(R"({"task":{"ref":1)"));
    EXPECT_TRUE(reader.read(R"({"end":{"edges":0}})"));
    EXPECT_FALSE(reader.read(std::string(100'000, '[')));
    EXPECT_TRUE(reader.read("{\"objects\":\"" + to_base64(std::string(100'000, 'x')) + "\"}"));
  }
}

TEST(Base64, is_there_and_back_for_every_length) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
  EXPECT_EQ(to_base64("M"), "TQ==");
  for (const char* wrong : {"T", "TQ=", "T===", "====", "T=Q=", "TQ =", "TQ==\n"}) {
    EXPECT_FALSE(from_base64(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace cattino::wire
