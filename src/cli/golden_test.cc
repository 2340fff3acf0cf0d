// What people see, for canned answers: tests/golden/cli/NAME.json gives NAME.txt. With
// CATTINO_GOLDEN_UPDATE=1 the .txt files are written instead of compared.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "cli/output.h"
#include "cli/views.h"
#include "cli/why.h"
#include "wire/json.h"
#include "wire/problem.h"

namespace cattino::cli {
namespace {

const std::string directory = CATTINO_GOLDEN_DIRECTORY;
const Screen terminal{.is_terminal = true, .columns = 100, .rows = 30};

std::string content_of(const std::string& name) {
  std::ifstream file(directory + "/" + name);
  EXPECT_TRUE(file) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

template <class T>
T value_of(const std::string& name) {
  auto value = wire::from_json<T>(content_of(name + ".json"), wire::Reading::lenient);
  EXPECT_TRUE(value) << name;
  return value ? *value : T{};
}

void expect_text(const std::string& name, const std::string& text) {
  if (getenv("CATTINO_GOLDEN_UPDATE") != nullptr) {  // NOLINT(concurrency-mt-unsafe): one thread
    std::ofstream(directory + "/" + name + ".txt") << text;
    return;
  }
  EXPECT_EQ(text, content_of(name + ".txt")) << name;
}

class Golden : public ::testing::Test {
 protected:
  void SetUp() override {
    // NOLINTBEGIN(concurrency-mt-unsafe): one thread
    setenv("TZ", "UTC", 1);
    tzset();
    // NOLINTEND(concurrency-mt-unsafe)
  }
};

TEST_F(Golden, list_is_a_tree_of_groups) {
  expect_text("list", list_text(value_of<wire::TaskList>("list"), terminal));
}

TEST_F(Golden, list_in_a_pipe_leaves_nothing_out) {
  expect_text("list_pipe", list_text(value_of<wire::TaskList>("list"), {}));
}

TEST_F(Golden, list_on_a_narrow_terminal_fits) {
  const Screen narrow{.is_terminal = true, .columns = 60, .rows = 30};
  expect_text("list_narrow", list_text(value_of<wire::TaskList>("list"), narrow));
}

TEST_F(Golden, list_on_an_ordinary_terminal_keeps_the_numbers_of_reasons) {
  const Screen ordinary{.is_terminal = true, .columns = 80, .rows = 24};
  expect_text("list_ordinary", list_text(value_of<wire::TaskList>("list"), ordinary));
}

TEST_F(Golden, list_says_what_it_costs_to_keep_room) {
  const Screen ordinary{.is_terminal = true, .columns = 80, .rows = 24};
  expect_text("list_kept", list_text(value_of<wire::TaskList>("list_kept"), ordinary));
}

TEST_F(Golden, why_says_what_is_rare_too) {
  const Screen narrow{.is_terminal = true, .columns = 40, .rows = 24};
  std::string text;
  std::string lines;
  for (const wire::Task& task : value_of<wire::TaskList>("why").tasks) {
    text += paragraph(why_text(task), {});
    lines += paragraph(why_text(task), narrow);
  }
  expect_text("why", text);
  expect_text("why_narrow", lines);
}

TEST_F(Golden, show_tells_all_of_a_task) {
  expect_text("show_task", detail_text(value_of<wire::Detail>("show_task"), terminal));
}

TEST_F(Golden, show_tells_of_limits_and_retries_where_there_are_some) {
  expect_text("show_limits", detail_text(value_of<wire::Detail>("show_limits"), terminal));
}

TEST_F(Golden, show_tells_of_a_group_and_its_tasks) {
  expect_text("show_group", detail_text(value_of<wire::Detail>("show_group"), terminal));
}

TEST_F(Golden, create_says_what_was_made_and_why_it_waits) {
  const auto text = [](const char* name) {
    return created_text(value_of<wire::SubmissionAnswer>(name), terminal);
  };
  expect_text("create_one", text("create_one"));
  expect_text("create_waiting", text("create_waiting"));
  expect_text("create_many", text("create_many"));
}

TEST_F(Golden, cancel_says_what_changed) {
  expect_text("cancel", changes_text(value_of<wire::VerbAnswer>("cancel"), "cancelled"));
}

TEST_F(Golden, wait_says_what_failed_and_why) {
  expect_text("wait", wait_text(value_of<wire::WaitAnswer>("wait"), terminal));
}

TEST_F(Golden, devices_says_who_holds_what) {
  expect_text("devices", devices_text(value_of<wire::Devices>("devices"), terminal));
}

TEST_F(Golden, errors_say_where_and_what_to_do) {
  const auto problem = value_of<wire::Problem>("error");
  expect_text("error", error_text(wire::error_of(problem), false));
}

/// What an Output of a mode writes to stdout.
std::string written(Mode mode, const std::string& json, const std::string& text) {
  char* buffer = nullptr;
  std::size_t size = 0;
  std::FILE* out = open_memstream(&buffer, &size);
  std::FILE* error = fopen("/dev/null", "we");
  Output output(mode, out, {}, error, {});
  output.document(json);
  output.text(text);
  output.note("a remark");
  fclose(out);
  fclose(error);
  std::string result(buffer, size);
  free(buffer);
  return result;
}

TEST_F(Golden, each_mode_writes_its_own_form_of_the_answer) {
  EXPECT_EQ(written(Mode::text, "{\"a\":1}\n", "text\n"), "text\n");
  EXPECT_EQ(written(Mode::json, "{\"a\":1}\n", "text\n"), "{\"a\":1}\n");
  EXPECT_EQ(written(Mode::quiet, "{\"a\":1}\n", "text\n"), "");
}

TEST(Output, errors_have_exit_statuses_by_whose_fault_they_are) {
  EXPECT_EQ(exit_status_of({ErrorCode::invalid, ""}), 2);
  EXPECT_EQ(exit_status_of({ErrorCode::not_found, ""}), 2);
  EXPECT_EQ(exit_status_of({ErrorCode::unavailable, ""}), 3);
  EXPECT_EQ(exit_status_of({ErrorCode::internal, ""}), 1);
}

TEST(Output, text_is_quoted_for_json) {
  EXPECT_EQ(json_quoted("a\"b\\c\nd"), R"("a\"b\\c\u000ad")");
}

}  // namespace
}  // namespace cattino::cli
