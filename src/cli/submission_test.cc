// `meow create "CMD"` as the lines that are sent.
#include "cli/submission.h"

#include <gtest/gtest.h>

namespace cattino::cli {
namespace {

wire::Submission head() {
  wire::Submission submission;
  submission.cwd = "/work";
  return submission;
}

std::vector<std::string> lines_of(const CreateOptions& options) {
  auto submission = CommandSubmission::make(options, head());
  EXPECT_TRUE(submission) << submission.error().message;
  std::string text;
  while (submission && submission->append_lines(text)) {
  }
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

/// The tasks, read again.
std::vector<wire::NewTask> tasks_of(const CreateOptions& options) {
  std::vector<wire::NewTask> tasks;
  wire::LineReader reader;
  for (const std::string& line : lines_of(options)) {
    auto read = reader.read(line);
    EXPECT_TRUE(read) << line << ": " << read.error().message;
    if (read && std::holds_alternative<wire::NewTask>(*read)) {
      tasks.push_back(std::get<wire::NewTask>(*read));
    }
  }
  return tasks;
}

wire::Submission head_of(const CreateOptions& options) {
  wire::LineReader reader;
  auto read = reader.read(lines_of(options).front());
  EXPECT_TRUE(read);
  return std::get<wire::Submission>(*read);
}

TEST(Submission, arguments_are_quoted_into_the_command) {
  CreateOptions options;
  options.subject = "python t.py | tee log";
  options.arguments = {"--text", "it's two words", "$HOME"};
  const auto tasks = tasks_of(options);
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(*tasks[0].command, R"(python t.py | tee log --text 'it'\''s two words' '$HOME')");
}

TEST(Submission, a_name_that_nobody_chose_may_be_changed_and_a_chosen_one_not) {
  CreateOptions options;
  options.subject = "python train.py";
  EXPECT_EQ(tasks_of(options)[0].name, "train");
  EXPECT_EQ(head_of(options).on_conflict, "rename");
  options.name = "mine";
  EXPECT_EQ(tasks_of(options)[0].name, "mine");
  EXPECT_FALSE(head_of(options).on_conflict);
  options.name_conflict = "allow";
  EXPECT_EQ(head_of(options).on_conflict, "allow");
}

TEST(Submission, the_request_is_sent_as_far_as_it_was_said) {
  CreateOptions options;
  options.subject = "x";
  options.min_devices = 2;
  options.memory = "20GiB";
  options.cpus = "0.5";
  options.ram = "1GiB";
  options.priority = -1;
  options.env = {"A=b=c"};
  const wire::NewTask task = tasks_of(options)[0];
  EXPECT_EQ(task.request->min_devices, 2);
  EXPECT_EQ(task.request->memory, (MemoryRequest{MemoryRequest::Kind::mib, 20480}));
  EXPECT_EQ(task.request->cpus, Millicores{500});
  EXPECT_EQ(task.request->ram, Mib{1024});
  EXPECT_EQ(task.priority, -1);
  EXPECT_EQ(task.env, (wire::Dictionary<std::string>{{"A", "b=c"}}));
}

TEST(Submission, limits_pins_and_retries_are_sent_as_numbers) {
  CreateOptions options;
  options.subject = "x";
  options.max_devices = 4;
  options.time_limit = "1h30m";
  options.devices = "cuda:1, A100";
  options.resources = {"licence=1", "disk/slots=2"};
  options.retries = 3;
  options.retry_on = "3,signal";
  options.backoff = "100ms";
  options.not_before = "2026-12-01T08:00Z";
  options.hold = true;
  options.preemptible = true;
  options.log_limit = "1GiB";
  const auto task = tasks_of(options)[0];
  EXPECT_EQ(task.request->max_devices, 4);
  EXPECT_EQ(task.request->time_limit, 5'400'000);
  EXPECT_EQ(task.request->devices, (std::vector<std::string>{"cuda:1", "A100"}));
  EXPECT_EQ(
      task.request->resources, (wire::Dictionary<std::int64_t>{{"licence", 1}, {"disk/slots", 2}}));
  EXPECT_EQ(task.retries, 3U);
  ASSERT_EQ(task.retry_on->size(), 2U);
  EXPECT_EQ(task.retry_on->front().code, 3);
  EXPECT_EQ(task.retry_on->back().word, "signal");
  EXPECT_EQ(task.backoff, 100);
  EXPECT_EQ(task.not_before, 1'796'112'000'000);
  EXPECT_EQ(task.held, true);
  EXPECT_EQ(task.preemptible, true);
  EXPECT_EQ(task.log_limit, Mib{1024});
}

TEST(Submission, groups_nest) {
  CreateOptions options;
  options.subject = "x";
  options.group = "a/b";
  const auto lines = lines_of(options);
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[1], R"({"group":{"ref":1,"name":"a","hooks":[]}})");
  EXPECT_EQ(lines[2], R"({"group":{"ref":2,"name":"b","parent":1,"hooks":[]}})");
  EXPECT_EQ(tasks_of(options)[0].group, 2U);
  EXPECT_EQ(head_of(options).groups, 2U);
}

TEST(Submission, a_multirun_is_a_task_for_each_value_with_a_name_of_its_own) {
  CreateOptions options;
  options.subject = "python train.py";
  options.name = "t";
  options.multirun = true;
  options.arguments = {"--lr", "[0.1,0.3]", "model=[a,b]"};
  const auto tasks = tasks_of(options);
  ASSERT_EQ(tasks.size(), 4U);
  EXPECT_EQ(tasks[0].name, "t/lr=0.1,model=a");
  EXPECT_EQ(*tasks[0].command, "python train.py --lr 0.1 model=a");
  EXPECT_EQ(tasks[3].ref, 4U);
  EXPECT_EQ(head_of(options).tasks, 4U);
}

TEST(Submission, a_large_multirun_comes_in_pieces_and_can_be_sent_again) {
  CreateOptions options;
  options.subject = "x";
  options.multirun = true;
  std::string list = "[0";
  for (int i = 1; i < 10000; ++i) {
    list += "," + std::to_string(i);
  }
  options.arguments = {list + "]"};
  auto submission = CommandSubmission::make(options, head());
  ASSERT_TRUE(submission);
  std::string first;
  EXPECT_TRUE(submission->append_lines(first));
  submission->rewind();
  std::string again;
  EXPECT_TRUE(submission->append_lines(again));
  EXPECT_EQ(first, again);
}

TEST(Submission, what_is_wrong_is_said_with_the_option_it_stands_in) {
  const auto field_of = [](auto change) {
    CreateOptions options;
    options.subject = "x";
    change(options);
    auto submission = CommandSubmission::make(options, head());
    return submission ? "" : submission.error().field;
  };
  EXPECT_EQ(field_of([](CreateOptions& o) { o.subject = " "; }), "command");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.memory = "12Q"; }), "--requires-memory-per-device");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.cpus = "many"; }), "--cpus");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.cpus = "nan"; }), "--cpus");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.ram = "?"; }), "--ram");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.time_limit = "soon"; }), "--time-limit");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.resources = {"a=0"}; }), "--resource");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.resources = {"a"}; }), "--resource");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.resources = {"a=1", "a=2"}; }), "--resource");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.retry_on = "256"; }), "--retry-on");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.retry_on = "signal,"; }), "--retry-on");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.backoff = "-1"; }), "--backoff");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.not_before = "tomorrow"; }), "--not-before");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.env = {"A"}; }), "--env");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.group = "a//b"; }), "--group-name");
  EXPECT_EQ(field_of([](CreateOptions& o) { o.directory = "/no/such"; }), "--directory");
}

TEST(Submission, captures_this_process) {
  Surroundings surroundings;
  surroundings.environment = [](const std::string&) {
    return std::nullopt;
  };
  surroundings.variables = {{"A", "1"}};
  const auto submission = captured(surroundings);
  ASSERT_TRUE(submission);
  EXPECT_TRUE(submission->cwd.starts_with('/'));
  EXPECT_EQ(submission->environment, (wire::Dictionary<std::string>{{"A", "1"}}));
  EXPECT_EQ(submission->limits.size(), 15U);
  EXPECT_TRUE(submission->key);
  EXPECT_NE(submission->key, captured(surroundings)->key);
}

}  // namespace
}  // namespace cattino::cli
